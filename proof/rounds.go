package proof

import "kafka-master/messages"

// decideRounds decides which retries of each done chunk count.
func (c *check) decideRounds() {
	records, rest := c.failedRecords()
	for i := range c.pieces {
		if p := &c.pieces[i]; p.done != nil && len(c.retries[p.key]) > 0 {
			p.rounds = c.roundsOf(p, records[p.key], rest)
		}
	}
}

// failedRecords returns what the books hold of chunks that are done with failed items. rest
// is how many items of other chunks have failed: discarded ones have no record.
func (c *check) failedRecords() (records map[key]*messages.OpenChunk, rest int64) {
	records, rest = map[key]*messages.OpenChunk{}, c.books.FailedItems
	for i := range c.books.Chunks {
		if r := &c.books.Chunks[i]; r.State == messages.ChunkDoneWithFailed {
			records[key{index: r.ID.Index, half: r.ID.Half}] = r
			rest -= r.FailedItems
		}
	}
	return records, rest
}

// roundsOf returns the retries of a chunk that count, in their order. A round that was given
// up does not, even if an attempt at it left a line or a result.
func (c *check) roundsOf(p *piece, record *messages.OpenChunk, rest int64) []*entry {
	var list []*entry
	for _, k := range c.retries[p.key] {
		e := c.chosen[k][0]
		if record != nil && record.ID.Retry == k.retry && record.Reason != "" {
			continue
		}
		if why := c.stands(e); why != "" && !c.merged {
			c.doubt(p, why) // damaged, unless it was given up: then the books differ
			continue
		}
		list = append(list, e)
	}
	want, known := int64(0), rest == 0 && c.books.HasEnded()
	if record != nil {
		want, known = record.FailedItems, true
	}
	f := follower{rounds: list, want: want, known: known, dead: map[step]bool{}}
	counted, ok := f.from(step{0, p.done.failed})
	if !ok {
		f.known, f.dead = false, map[step]bool{}
		counted, _ = f.from(step{0, p.done.failed})
	}
	return counted
}

// doubt notes what is a finding only if the books differ.
func (c *check) doubt(p *piece, why string) {
	c.doubts = append(c.doubts, finding{kind: resultDiffers, from: p.offset, to: p.end(), text: why})
}

// follower finds the rounds of a chunk that follow from each other: each one ran what had
// failed until then, or the whole chunk, and in the end as many items have failed as the
// books say. Of several ways it takes the one with the earliest rounds.
type follower struct {
	rounds []*entry
	want   int64 // items that have failed in the end
	known  bool  // that of want
	dead   map[step]bool
}

// step is a round, and how many items had failed before it.
type step struct {
	round  int
	failed int64
}

func (f *follower) from(s step) (counted []*entry, ok bool) {
	if s.round == len(f.rounds) {
		return nil, !f.known || s.failed == f.want
	}
	if f.dead[s] {
		return nil, false
	}
	e := f.rounds[s.round]
	if e.whole || e.items == s.failed {
		if rest, ok := f.from(step{s.round + 1, e.failed}); ok {
			return append([]*entry{e}, rest...), true
		}
	}
	counted, ok = f.from(step{s.round + 1, s.failed})
	f.dead[s] = !ok
	return counted, ok
}
