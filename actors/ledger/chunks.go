package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// Chunks lists chunks of a file that have not ended. It looks at what is in flight and at what
// waits of the file, but not at what has ended, of which there may be very much; ok is false
// when the file is not known.
func (x Files) Chunks(q messages.QueryChunks, now time.Time) (page messages.ChunkPage, ok bool) {
	l := x.l
	b := l.files[q.File]
	if b == nil {
		return page, false
	}
	p := picker{query: q, now: now}
	for _, held := range l.held {
		for id, e := range held {
			if id.File == q.File {
				p.add(listed{entry: e, state: e.stateAtWorker()})
			}
		}
	}
	for _, h := range []*entryHeap{&b.waiting.ready, &b.waiting.held, &b.waiting.toHalve} {
		for _, e := range h.list {
			p.add(listed{entry: e, state: e.stateWaiting(now)})
		}
	}
	for i := range b.cut {
		p.add(listed{cut: &b.cut[i], state: messages.ListedReady})
	}
	p.shrink()
	page.Total, page.More = p.total, p.more
	for _, c := range p.list {
		page.List = append(page.List, l.describe(b, c, now))
	}
	return page, true
}

// listed is a chunk in the list: one with a record, or one that was never handed out.
type listed struct {
	*entry
	cut   *planned
	state string
}

func (c listed) id() messages.ChunkID {
	if c.cut != nil {
		return c.cut.ID
	}
	return c.entry.ID
}

// stateAtWorker is the state in the list of a chunk in flight.
func (e *entry) stateAtWorker() string {
	if e.State == messages.ChunkRunning {
		return messages.ListedRunning
	}
	return messages.ListedQueued
}

// stateWaiting is the state in the list of a chunk that waits.
func (e *entry) stateWaiting(now time.Time) string {
	if e.toHalve || now.Before(e.notUntil) {
		return messages.ListedBackOff
	}
	return messages.ListedReady
}

// picker keeps the first chunks of a page. However many there are, it keeps about two pages.
type picker struct {
	query messages.QueryChunks
	now   time.Time
	list  []listed
	total int
	more  bool // others follow
}

func (p *picker) add(c listed) {
	if p.query.State != "" && c.state != p.query.State {
		return
	}
	p.total++
	if p.query.After != (messages.ChunkID{}) && c.id().Compare(p.query.After) <= 0 {
		return
	}
	if p.list = append(p.list, c); len(p.list) >= 2*p.query.Limit+64 {
		p.shrink()
	}
}

// shrink drops what is on later pages.
func (p *picker) shrink() {
	slices.SortFunc(p.list, func(a, b listed) int { return a.id().Compare(b.id()) })
	if len(p.list) > p.query.Limit {
		p.more, p.list = true, p.list[:p.query.Limit]
	}
}

// describe shows a chunk to people.
func (l *Ledger) describe(b *book, c listed, now time.Time) messages.ChunkStatus {
	if c.cut != nil {
		return messages.ChunkStatus{
			Chunk: c.cut.Chunk, Name: b.ChunkName(c.cut.ID).String(), State: c.state, Since: c.cut.since, Items: int64(c.cut.Items), Why: l.whyNotBegun(b, now),
		}
	}
	e := c.entry
	out := messages.ChunkStatus{
		Chunk: e.Chunk, Name: b.ChunkName(e.ID).String(), State: c.state, Worker: e.Worker, Attempt: e.Attempt, Since: e.since, Items: e.Sent(),
	}
	switch {
	case c.state == messages.ListedRunning:
		out.Since = e.workedSince()
		if s, ok := l.stalls[b.BatchID(e.ID, e.Attempt)]; ok && s.lasts(b, now) {
			out.StalledSince = s.since
		}
	case c.state == messages.ListedQueued:
		out.Why = e.whyQueued()
	case c.state == messages.ListedBackOff:
		out.Why = e.whyHeldBack()
	default:
		if e.notUntil.After(e.since) {
			out.Since = e.notUntil
		}
		out.Why = l.whyNotHandedOut(b, now)
	}
	return out
}
