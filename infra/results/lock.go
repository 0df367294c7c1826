package results

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"kafka-master/messages"
)

// ErrBusy means that another process has a lock.
var ErrBusy = errors.New("another process is at it")

// lockName is the file below ManifestFolder that is locked while a result is put in place.
const lockName = "lock"

const (
	// LockWait is how long a worker waits for others that put results in place in the same
	// folder. They need a moment each, so one that takes longer stands still.
	LockWait = 10 * time.Second
	// lockPauseMin and lockPauseMax bound the pauses between tries.
	lockPauseMin, lockPauseMax = 100 * time.Microsecond, 20 * time.Millisecond
	maxHolder                  = 128 // bytes of the text about the holder
)

// Lock waits until nobody else puts results in place in the folder, and returns what ends
// that. After wait it returns an error that wraps ErrBusy and names who has the lock, as he
// named himself by holder. Where the file system knows no locks, it returns at once.
func Lock(root *os.Root, folder, holder string, wait time.Duration) (unlock func(), err error) {
	if _, err := MakeFolder(root, path.Join(folder, ManifestFolder)); err != nil {
		return nil, err
	}
	f, err := root.OpenFile(path.Join(folder, ManifestFolder, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for pause := lockPauseMin; ; pause = min(2*pause, lockPauseMax) {
		if err = lockFile(f); !errors.Is(err, ErrBusy) {
			break
		}
		left := wait - time.Since(began)
		if left <= 0 {
			err = fmt.Errorf("%w: %s has held the lock of the results of %s, %s, for %s or longer: if it stands still, continue or end it",
				ErrBusy, heldBy(f), folder, path.Join(ManifestFolder, lockName), wait)
			break
		}
		time.Sleep(min(pause, left))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-*s", maxHolder, holder), 0) // for people only
	return func() { _ = f.Close() }, nil                             // closing it releases the lock
}

// heldBy returns who has the lock.
func heldBy(f *os.File) string {
	text := make([]byte, maxHolder)
	n, _ := f.ReadAt(text, 0)
	return cmp.Or(messages.Clean(strings.TrimSpace(string(text[:n])), maxHolder), "somebody")
}

// lock is a file that only one process has locked at a time, as far as its file system
// knows locks.
type lock struct{ file *os.File }

// acquire locks the file of this path, which is created. It returns ErrBusy while another
// process has it.
func acquire(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("create the lock: %w", err)
		}
		if err := lockFile(f); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(mine, there) {
				return &lock{f}, nil
			}
		}
		_ = f.Close() // its holder removed it meanwhile
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// release removes the file.
func (l *lock) release() {
	if l != nil {
		_ = os.Remove(l.file.Name())
		_ = l.file.Close()
	}
}
