package logstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The files of generation n are snapshot-<n>, the state when the generation began, and
// log-<n>, the commits since.
const (
	snapshotName = "snapshot-"
	logName      = "log-"
	unfinished   = "." + snapshotName // a snapshot that is being written
)

// Only the owner may read the folder: file names and worker ids may be private.
const (
	fileMode   = 0o600
	folderMode = 0o700
)

func (s *Store) snapshotPath(n uint64) string {
	return filepath.Join(s.dir, snapshotName+strconv.FormatUint(n, 10))
}

func (s *Store) logPath(n uint64) string {
	return filepath.Join(s.dir, logName+strconv.FormatUint(n, 10))
}

// newest returns the newest generation that has a snapshot, 0 if there is none.
func (s *Store) newest() (newest uint64, err error) {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		number, is := strings.CutPrefix(e.Name(), snapshotName)
		if n, err := strconv.ParseUint(number, 10, 64); is && err == nil {
			newest = max(newest, n)
		}
	}
	return newest, err
}

// removeOldFiles removes the files of other generations and unfinished snapshots. A file
// that cannot be removed only wastes space.
func (s *Store) removeOldFiles() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasPrefix(name, snapshotName) || strings.HasPrefix(name, logName) || strings.HasPrefix(name, unfinished)
		path := filepath.Join(s.dir, name)
		if ours && path != s.snapshotPath(s.generation) && path != s.logPath(s.generation) {
			if err := os.Remove(path); err != nil {
				s.log.Warn("old file of the state cannot be removed", "path", path, "err", err)
			}
		}
	}
}

// syncFolder makes new names in the folder survive a loss of power. File systems without
// this operation do so by themselves.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !cannotSync(err) {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// cannotSync reports whether the error means that a file system cannot sync folders.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
