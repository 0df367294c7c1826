package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"kafka-master/infra/results"
	"kafka-master/messages"
)

// MaxIdentities bounds the number of ids in one folder. No machine runs more worker
// processes.
const MaxIdentities = 1000

// Identity is a worker id that no other process uses until it is released.
type Identity struct {
	// ID is the worker's id.
	ID string
	// Path is the file that contains it.
	Path string
	// Taken are the files that were tried before Path. Other processes use their ids.
	Taken []string
	// Unlocked is the reason why the file could not be locked, or nil. Its file system
	// has no locks, so another process may use the same id.
	Unlocked error

	lock *flock.Flock
}

// ClaimID returns the worker id in the file at path. If the file does not exist, it
// creates it with a new id, a random UUID. If another process uses this id, ClaimID
// tries path.2, path.3 and so on. A file that does not contain exactly one id is an
// error and stays as it is. Keep the Identity while the worker runs; the end of the
// process also releases it, even after a crash.
func ClaimID(path string) (*Identity, error) {
	ids, err := ClaimIDs(path, 1)
	if err != nil {
		return nil, err
	}
	return ids[0], nil
}

// ClaimIDs is ClaimID for count workers of one process. It claims the first count ids
// that no other process uses, or none if there are fewer.
func ClaimIDs(path string, count int) ([]*Identity, error) {
	var ids []*Identity
	var taken []string
	release := func() {
		for _, id := range ids {
			id.Release()
		}
	}
	for n := 1; n <= MaxIdentities && len(ids) < count; n++ {
		id := &Identity{Path: path}
		if n > 1 {
			id.Path += "." + strconv.Itoa(n)
		}
		free, err := id.claim()
		if err != nil {
			release()
			return nil, err
		}
		if !free {
			taken = append(taken, id.Path)
			continue
		}
		id.Taken = slices.Clone(taken)
		ids = append(ids, id)
	}
	if len(ids) < count {
		release()
		return nil, fmt.Errorf("worker id: %d of %d ids are free in %s and the %d files next to it", len(ids), count, path, MaxIdentities-1)
	}
	return ids, nil
}

// Release makes the id available to other processes.
func (i *Identity) Release() {
	if i.lock != nil {
		_ = i.lock.Close()
	}
}

// claim claims the id at Path. free is false when another process uses it.
func (i *Identity) claim() (free bool, err error) {
	if _, err := loadID(i.Path); err != nil {
		return false, err
	}
	lock := flock.New(i.Path)
	free, err = lock.TryLock()
	switch {
	case err != nil:
		i.Unlocked = err
	case !free:
		return false, nil
	default:
		i.lock = lock
	}
	// The id is read after the lock was taken, since the file may have been replaced
	// before.
	if i.ID, err = readID(i.Path); err != nil {
		i.Release()
		return false, err
	}
	return true, nil
}

// loadID reads the id at path. It creates one if the file does not exist. Processes
// that do this at the same time get the same id.
func loadID(path string) (string, error) {
	id, err := readID(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	if err := writeID(path, uuid.NewString()); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("worker id: %w", err)
	}
	return readID(path) // another process may have been faster
}

func readID(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a named pipe would block
		return "", fmt.Errorf("worker id: %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 2*messages.MaxWorkerID))
	if err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	id := strings.TrimSpace(string(text))
	if err := messages.WorkerID(id).Validate(); err != nil {
		return "", fmt.Errorf("worker id: %s does not contain a valid id, delete it to get a new one: %w", path, err)
	}
	return id, nil
}

// writeID writes the id to a temporary file and links it to path, so that the file at
// path appears complete, and only if there is none yet. The error is fs.ErrExist when
// there is one: a library that renames would replace it.
func writeID(path, id string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".worker-id-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(id + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = writeIDWithoutLink(path, id)
	}
	if err != nil {
		return err
	}
	return results.SyncFolder(os.Open, filepath.Dir(path))
}

// writeIDWithoutLink is for file systems without hard links. A crash may leave a file
// without an id, which readID reports.
func writeIDWithoutLink(path, id string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(id + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
