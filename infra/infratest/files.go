package infratest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Files is the port of an input folder, as the actors see it.
type Files interface {
	List(ctx context.Context) ([]messages.FileInfo, error)
	Fingerprint(ctx context.Context, f messages.FileInfo) (uint64, error)
	Stream(ctx context.Context, f messages.FileInfo, off, length int64, feed func([]byte) error) error
	Archive(ctx context.Context, f messages.FileInfo) error
}

// Folder changes the input folder behind the back of its Files. Names are slash
// separated below the folder. Every method fails the test when it cannot do
// what it was told.
type Folder interface {
	// Write makes the file hold data, replacing what was there, with the given
	// modification time (whole seconds).
	Write(t *testing.T, name string, data []byte, modTime time.Time)
	// Append adds data at the file's end; the modification time is up to the
	// file system.
	Append(t *testing.T, name string, data []byte)
	// Truncate cuts the file to size bytes.
	Truncate(t *testing.T, name string, size int64)
	// Rename moves a file, replacing what has the new name.
	Rename(t *testing.T, from, to string)
	// Remove deletes the file.
	Remove(t *testing.T, name string)
	// Mkdir makes a folder.
	Mkdir(t *testing.T, name string)
	// Read returns the file's bytes, nil when there is none.
	Read(t *testing.T, name string) []byte
}

// DirFolder is a Folder that is a directory of this system, given by its path.
type DirFolder string

func (d DirFolder) path(name string) string {
	return filepath.Join(string(d), filepath.FromSlash(name))
}

// Write implements Folder.
func (d DirFolder) Write(t *testing.T, name string, data []byte, modTime time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(d.path(name), data, 0o666))
	require.NoError(t, os.Chtimes(d.path(name), modTime, modTime))
}

// Append implements Folder.
func (d DirFolder) Append(t *testing.T, name string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, errors.Join(err, f.Close()))
}

// Truncate implements Folder.
func (d DirFolder) Truncate(t *testing.T, name string, size int64) {
	t.Helper()
	require.NoError(t, os.Truncate(d.path(name), size))
}

// Rename implements Folder.
func (d DirFolder) Rename(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(d.path(from), d.path(to)))
}

// Remove implements Folder.
func (d DirFolder) Remove(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Remove(d.path(name)))
}

// Mkdir implements Folder.
func (d DirFolder) Mkdir(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Mkdir(d.path(name), 0o777))
}

// Read implements Folder.
func (d DirFolder) Read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return data
}

// day is a modification time that every file system can keep.
var day = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// pattern returns size bytes in which every 8-byte word is different.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		word := uint64(i/8)*0x9E3779B97F4A7C15 + 1
		b[i] = byte(word >> (8 * (i % 8)))
	}
	return b
}

// put writes a file and returns it as the listing shows it.
func put(t *testing.T, files Files, folder Folder, name string, data []byte) messages.FileInfo {
	t.Helper()
	folder.Write(t, name, data, day)
	return find(t, files, name)
}

// find returns the file as the listing shows it.
func find(t *testing.T, files Files, name string) messages.FileInfo {
	t.Helper()
	list, err := files.List(context.Background())
	require.NoError(t, err)
	for _, f := range list {
		if f.Path == name {
			return f
		}
	}
	require.Failf(t, "not listed", "%s is not in %v", name, list)
	return messages.FileInfo{}
}

// read streams a range and returns what was fed.
func read(files Files, f messages.FileInfo, off, length int64) ([]byte, error) {
	var got bytes.Buffer
	err := files.Stream(context.Background(), f, off, length, func(b []byte) error {
		got.Write(b)
		return nil
	})
	return got.Bytes(), err
}

func requireChanged(t *testing.T, err error, what string) {
	t.Helper()
	require.ErrorIs(t, err, messages.ErrFileChanged, what)
}
