package worker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kafka-master/messages"
)

// LoadID returns the worker id that is kept in the file at path, and at the
// first start makes one, a random UUID, and keeps it there. Processes that
// start at once get the same id. A file that holds anything but one id is an
// error and is left as it is.
func LoadID(path string) (string, error) {
	id, err := readID(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	if err := keepID(path, newUUID()); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("worker id: %w", err)
	}
	return readID(path) // the winner's
}

func readID(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("worker id: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would hang
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
		return "", fmt.Errorf("worker id: %s does not hold an id, delete it to get a new one: %w", path, err)
	}
	return id, nil
}

// keepID writes the id beside path and links it there: the link appears with
// its content and only if there is none. Its error is fs.ErrExist when another
// process was faster.
func keepID(path, id string) error {
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
		err = keepPlainly(path, id)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// keepPlainly is for file systems without hard links. A crash in it leaves a
// file without an id, which readID reports.
func keepPlainly(path, id string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(id + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
