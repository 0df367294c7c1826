package app

import (
	"context"
	"errors"
	"io/fs"

	"kafka-master/actors"
	"kafka-master/infra/results"
	"kafka-master/messages"
)

var _ actors.Merger = merger{}

// merger merges the results of files in the folder of this master.
type merger struct {
	dir      string
	replace  bool
	wanted   bool // MERGE was set: results that are not here are a mistake
	settings map[string]string
}

// newMerger returns nil when results are not to be merged.
func (n *node) newMerger() actors.Merger {
	if !n.s.Merges() {
		return nil
	}
	return merger{dir: n.s.ResultsDir, replace: n.s.Merge == "replace", wanted: n.s.IsSet("MERGE"), settings: changedSettings(n.s)}
}

// Merge implements actors.Merger.
func (m merger) Merge(ctx context.Context, books messages.Books) (merged bool, err error) {
	_, err = results.Merge{Books: books, Dir: m.dir, Replace: m.replace, Version: build().version, Settings: m.settings}.Run(ctx)
	if !m.wanted && (errors.Is(err, results.ErrNoResults) || errors.Is(err, fs.ErrNotExist)) {
		return false, nil
	}
	return err == nil, err
}
