package results

import (
	"fmt"
	"os"
	"path"

	"kafka-master/messages"
)

// counted returns a chunk and those of its retries that count. A round that was given up may
// have left a line or a result, and does not: the books tell how many items have failed in
// the end, and what each round ran tells which ones were before it.
func (m Merge) counted(root *os.Root, p *plan, b books, parts []part) ([]part, error) {
	if len(parts) == 1 || parts[0].retry > 0 || len(parts[0].at) == 0 {
		return parts, nil
	}
	lines, err := p.lines(root, parts[0])
	if err != nil {
		return nil, err
	}
	chunk, err := p.standing(root, lines)
	if err != nil {
		return nil, err
	}
	record, has := b.failed[parts[0].id()]
	f := follower{want: record.FailedItems, known: (has || b.unlisted == 0) && b.File.HasEnded() && b.File.UnrecordedRetries == 0}
	missing := ""
	for _, q := range parts[1:] {
		if len(q.at) == 0 {
			return parts, nil
		}
		l, stands, err := p.stood(root, q)
		if err != nil {
			return nil, err
		}
		givenUp := has && record.ID.Retry == q.retry && record.Reason != ""
		if !stands && !givenUp {
			missing = q.describe()
		}
		f.rounds = append(f.rounds, retryRound{q, int64(l.Items), int64(l.Failed), stands && !givenUp})
	}
	out, ok := f.follow(int64(chunk.Failed))
	switch {
	case !ok && !m.Partial && missing != "":
		return nil, fmt.Errorf("%w: %s has no result, and without it more items have failed than the master counted", ErrIncomplete, missing)
	case !ok && !m.Partial:
		return nil, fmt.Errorf("%w: %s: the results of its retries are not those of the %d items that have failed in the end", ErrIncomplete, parts[0].describe(), f.want)
	case !ok:
		f.known = false
		out, _ = f.follow(int64(chunk.Failed))
	}
	return append(parts[:1:1], out...), nil
}

// listsFailed reports whether items of a chunk may have failed in the end. A worker without
// manifest may have done them again: then no line tells, but the books may.
func (b books) listsFailed(p part) bool {
	_, has := b.failed[p.id()]
	return has || b.unlisted > 0 || b.File.UnrecordedRetries == 0
}

// stood returns the line of a retry about the result that stands, or its last one. A missing result is no
// error, one that is not as its worker wrote it is.
func (p *plan) stood(root *os.Root, q part) (Line, bool, error) {
	lines, err := p.lines(root, q)
	if err != nil {
		return Line{}, false, err
	}
	name := path.Join(p.folder, lines[0].Result)
	size, hash, err := fileSum(root, name)
	if err != nil {
		return lines[0], false, notThere(err)
	}
	l, ok := (copied{size, hash}).vouched(lines)
	if !ok {
		return Line{}, false, fmt.Errorf("%w: %s: %s has %d bytes and the hash %s", ErrChanged, q.describe(), name, size, hash)
	}
	return l, true, nil
}

// id names the chunk of a part.
func (p part) id() messages.ChunkID { return messages.ChunkID{Index: p.index, Half: p.half} }

// retryRound is a retry that left a line.
type retryRound struct {
	part
	items, failed int64
	stands        bool // its result is there, and it is not known that it was given up
}

// follower finds the rounds of a chunk that count, in their order. Each round ran the items
// that had failed until then, or the whole chunk, and in the end as many items have failed
// as the books say. Of several ways it takes the one with the earliest rounds.
type follower struct {
	rounds []retryRound
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

// follow explains all rounds, or else those that count. ok is false if the books contradict.
func (f *follower) follow(failed int64) (counted []part, ok bool) {
	for _, f.loose = range []bool{false, true} {
		f.dead = map[step]bool{}
		if counted, ok = f.from(step{0, failed}); ok {
			break
		}
	}
	return counted, ok
}

func (f *follower) from(s step) (counted []part, ok bool) {
	if s.round == len(f.rounds) {
		return nil, !f.known || s.failed == f.want
	}
	if f.dead[s] {
		return nil, false
	}
	r := f.rounds[s.round]
	follows := !r.positions || r.items == s.failed
	if r.stands && follows {
		if rest, ok := f.from(step{s.round + 1, r.failed}); ok {
			return append([]part{r.part}, rest...), true
		}
	}
	if follows || f.loose {
		counted, ok = f.from(step{s.round + 1, s.failed})
	}
	f.dead[s] = !ok
	return counted, ok
}
