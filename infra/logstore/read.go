package logstore

import (
	"errors"
	"fmt"
	"io/fs"

	"kafka-master/messages"
)

// readTries is how often a state is read that begins a new generation meanwhile.
const readTries = 5

// Read returns the state in a folder, without the journal. It locks and changes nothing,
// so that a state can be read while a master uses it; commits of that moment may be
// missing. It returns messages.ErrEmpty when there is no state.
func Read(dir string) (messages.Snapshot, error) {
	var snap messages.Snapshot
	err := fs.ErrNotExist
	for n := 0; n < readTries && errors.Is(err, fs.ErrNotExist); n++ {
		snap, err = read(dir)
	}
	if err != nil {
		return messages.Snapshot{}, fmt.Errorf("read state in %s: %w", dir, err)
	}
	return snap, nil
}

func read(dir string) (messages.Snapshot, error) {
	s := &Store{dir: dir}
	newest, err := s.newest()
	if errors.Is(err, fs.ErrNotExist) || err == nil && newest == 0 {
		return messages.Snapshot{}, messages.ErrEmpty
	}
	if err != nil {
		return messages.Snapshot{}, err
	}
	if s.state, err = readSnapshot(s.snapshotPath(newest)); err != nil {
		return messages.Snapshot{}, err
	}
	if _, err := replay(s.logPath(newest), s.redo); err != nil {
		return messages.Snapshot{}, err
	}
	return s.state.snapshot()
}
