package app

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"kafka-master/infra/settings"
	"kafka-master/worker"
)

// members returns the workers of this process. No other process uses their ids from
// DATA_DIR until release is called.
func (c command) members(s settings.Settings, count int, log *slog.Logger) (all []worker.Member, release func(), err error) {
	all = make([]worker.Member, count)
	for i := range all {
		all[i] = worker.Member{ID: s.WorkerID, Partition: s.WorkerPartition}
		if count > 1 {
			all[i].ID += "-" + strconv.Itoa(i+1)
		}
	}
	if s.WorkerID != "" {
		return all, func() {}, nil
	}
	ids, err := c.claimIDs(s.DataDir, count, log)
	if err != nil {
		return nil, nil, err
	}
	for i, id := range ids {
		all[i].ID = id.ID
	}
	return all, func() {
		for _, id := range ids {
			id.Release()
		}
	}, nil
}

// nameOf returns a name of the workers for a person.
func nameOf(members []worker.Member) string {
	if len(members) == 1 {
		return "worker " + members[0].ID
	}
	return fmt.Sprintf("%d workers, %s to %s", len(members), members[0].ID, members[len(members)-1].ID)
}

// claimIDs claims the first ids in DATA_DIR that no other worker uses.
func (c command) claimIDs(dataDir string, count int, log *slog.Logger) ([]*worker.Identity, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make DATA_DIR: %w", err)
	}
	ids, err := worker.ClaimIDs(filepath.Join(dataDir, "worker_id"), count)
	if err != nil {
		return nil, err
	}
	last := ids[count-1]
	switch n := len(last.Taken); {
	case n > 0 && count == 1:
		fmt.Fprintf(c.stdout, "%s is in use by another worker, this one uses the id in %s\n", last.Taken[n-1], last.Path)
	case n > 0:
		fmt.Fprintf(c.stdout, "%d ids in %s are in use by other workers, these use the ids in %s to %s\n", n, dataDir, ids[0].Path, last.Path)
	}
	if last.Unlocked != nil {
		log.Warn("the file with the worker's id cannot be locked: make sure that no other worker uses it, or set WORKER_ID", "file", last.Path, "err", last.Unlocked)
	}
	return ids, nil
}
