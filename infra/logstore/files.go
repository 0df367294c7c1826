package logstore

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The files of a generation n are named snapshot-<n> and log-<n>: the state when
// the generation began, and what was committed since.
const (
	snapshotName = "snapshot-"
	logName      = "log-"
	unfinished   = "." + snapshotName // what a crash leaves of a snapshot
)

// fileMode is that of everything in the folder: file names and worker ids may be
// private.
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

// generations lists those that have a snapshot, newest first.
func (s *Store) generations() ([]uint64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var list []uint64
	for _, e := range entries {
		number, is := strings.CutPrefix(e.Name(), snapshotName)
		if n, err := strconv.ParseUint(number, 10, 64); is && err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

// sweep removes what is not of the present generation: it is older, or a crash left
// it unfinished. What cannot be removed only takes room.
func (s *Store) sweep() {
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
				s.log.Warn("an old file of the state cannot be removed", "path", path, "err", err)
			}
		}
	}
}

// syncFolder makes new names in the folder outlive a loss of power. A file system
// that cannot do that does it by itself.
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
