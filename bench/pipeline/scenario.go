package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// scenario is one row of the table.
type scenario struct {
	name       string
	chunks     int
	workers    int           // in all, w1, w2, …
	processes  int           // that they are spread over
	partitions int           // of the chunk topic, at least one for each worker
	prefetch   int           // chunks ahead, shipped for the default
	work       time.Duration // of a chunk
	slow       time.Duration // of a chunk at w1, if it differs
	batch      int           // lines of a chunk, 0 for batchSize
	results    bool          // the workers write results
	inside     bool          // the broker is in the master's process
}

// batchSize is how many lines a chunk has, unless the scenario says otherwise.
const batchSize = 500

// lines returns how many lines a chunk has.
func (s scenario) lines() int { return cmp.Or(s.batch, batchSize) }

// shipped leaves PREFETCH as it is without a setting.
const shipped = -1

// gapGroup names the scenarios that measure the dispatch gap.
const gapGroup = "gap"

func scenarios() []scenario {
	many := scenario{chunks: 20_000, workers: 4, processes: 4, partitions: 15}
	gap := scenario{chunks: 1000, workers: 4, processes: 4, partitions: 15, work: 20 * time.Millisecond}
	with := func(s scenario, name string, prefetch int) scenario {
		s.name, s.prefetch = name, prefetch
		return s
	}
	return []scenario{
		with(many, "shipped4", shipped),
		with(many, "strict4", 0),
		with(many, "ahead4", 1),
		with(many, "ahead8", 8),
		{name: "shipped64", chunks: 20_000, workers: 64, processes: 1, partitions: 64, prefetch: shipped},
		{name: "strict64", chunks: 20_000, workers: 64, processes: 1, partitions: 64},
		with(gap, gapGroup+"-strict", 0),
		with(gap, gapGroup+"-ahead", 1),
		{name: "large", chunks: 4000, workers: 4, processes: 4, partitions: 15, prefetch: shipped, batch: 5000},
		{name: "slow-tail", chunks: 20, workers: 4, processes: 4, partitions: 15, prefetch: shipped, work: 200 * time.Millisecond, slow: 6 * time.Second},
	}
}

// choose returns the scenarios that a comma list names, all for an empty one;
// chunks > 0 makes them shorter.
func choose(names string, chunks int) ([]scenario, error) {
	all := scenarios()
	var out []scenario
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, s := range all {
			if name != "" && s.name != name && (name != gapGroup || !strings.HasPrefix(s.name, gapGroup+"-")) {
				continue
			}
			found = true
			if chunks > 0 && (s.work == 0 || chunks < s.chunks) { // more of 20 ms each would take too long
				s.chunks = chunks
			}
			out = append(out, s)
		}
		if !found {
			return nil, fmt.Errorf("there is no scenario %q: there are shipped4, strict4, ahead4, ahead8, shipped64, strict64, gap, large and slow-tail", name)
		}
	}
	return out, nil
}
