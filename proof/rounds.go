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
	f := follower{known: rest == 0 && c.books.HasEnded()}
	if record != nil {
		f.want, f.known = record.FailedItems, true
	}
	for _, k := range c.retries[p.key] {
		r := attempted{entry: c.chosen[k][0]}
		if record == nil || record.ID.Retry != k.retry || record.Reason == "" { // else it was given up
			why := c.stands(r.entry)
			if r.stands = why == "" || c.merged; !r.stands {
				// It is damaged, unless it was given up: then the books differ.
				c.doubts = append(c.doubts, finding{kind: resultDiffers, from: p.offset, to: p.end(), text: why})
			}
		}
		f.rounds = append(f.rounds, r)
	}
	return f.follow(p.done.failed)
}

// attempted is a retry that left a line.
type attempted struct {
	*entry
	stands bool // its result is there, and it is not known that it was given up
}

// follower finds the rounds of a chunk that count, in their order. Each round ran the items
// that had failed until then, or the whole chunk, and in the end as many items have failed
// as the books say. Of several ways it takes the one with the earliest rounds.
type follower struct {
	rounds []attempted
	want   int64 // items that have failed in the end
	known  bool  // that of want
	loose  bool  // rounds that do not count may have run anything
	dead   map[step]bool
}

// step is a round, and how many items had failed before it.
type step struct {
	round  int
	failed int64
}

// follow explains all rounds, or else those that count, or else some of them without the
// books, which then differ.
func (f *follower) follow(failed int64) []*entry {
	known := f.known
	for _, try := range []struct{ known, loose bool }{{known, false}, {known, true}, {false, true}} {
		f.known, f.loose, f.dead = try.known, try.loose, map[step]bool{}
		if counted, ok := f.from(step{0, failed}); ok {
			return counted
		}
	}
	return nil
}

func (f *follower) from(s step) (counted []*entry, ok bool) {
	if s.round == len(f.rounds) {
		return nil, !f.known || s.failed == f.want
	}
	if f.dead[s] {
		return nil, false
	}
	r := f.rounds[s.round]
	follows := r.whole || r.items == s.failed
	if r.stands && follows {
		if rest, ok := f.from(step{s.round + 1, r.failed}); ok {
			return append([]*entry{r.entry}, rest...), true
		}
	}
	if follows || f.loose {
		counted, ok = f.from(step{s.round + 1, s.failed})
	}
	f.dead[s] = !ok
	return counted, ok
}
