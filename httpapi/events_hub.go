package httpapi

import (
	"context"
	"sync"
	"time"

	"kafka-master/messages"
)

const (
	// eventEvery is how often the hub looks for changes. What changes in between is one event.
	eventEvery = 500 * time.Millisecond
	// maxRing and maxRingBytes bound the events that a client can get later.
	maxRing      = 256
	maxRingBytes = 8 << 20
)

// event is one event, which is the same for all streams.
type event struct {
	at   place
	kind string
	data []byte
}

// eventHub makes the events of all streams from what the master answers. It asks only while
// somebody listens, and keeps the last picture, so that what changes meanwhile becomes events
// when somebody listens again.
type eventHub struct {
	asker Asker

	mu        sync.Mutex
	listeners int
	stop      context.CancelFunc // ends the questions; nil while nobody listens
	closed    bool               // the server stops
	looked    bool               // there was an answer since somebody listens
	leading   bool               // the last answer was that of a leader
	picture   picture
	now       place
	ring      []event
	size      int           // bytes in the ring
	more      chan struct{} // closed when anything of this has changed
}

func newEventHub(asker Asker) *eventHub { return &eventHub{asker: asker, more: make(chan struct{})} }

// join begins to look for changes if nobody else does; leave must be called at the end.
func (h *eventHub) join() (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners++; h.listeners == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		h.stop, h.looked = cancel, false
		go h.watch(ctx)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.listeners--; h.listeners == 0 {
			h.stop()
		}
	}
}

// close ends all streams.
func (h *eventHub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.wake()
}

// wake tells the streams that something has changed. The lock is held.
func (h *eventHub) wake() {
	close(h.more)
	h.more = make(chan struct{})
}

// watch looks for changes until nobody listens any more.
func (h *eventHub) watch(ctx context.Context) {
	tick := time.NewTicker(eventEvery)
	defer tick.Stop()
	for {
		if p, err := look(ctx, h.asker); err == nil {
			h.publish(ctx, p)
		} // without an answer the streams stay as they are
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// publish makes events of the difference to the last picture.
func (h *eventHub) publish(ctx context.Context, p picture) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return // another watch may have begun
	}
	before, wasLooked, wasLeading := h.now, h.looked, h.leading
	h.looked, h.leading = true, p.overview.Role == "leader"
	switch term := p.overview.Term; {
	case !h.leading:
		if wasLeading {
			h.add("notice", newNotice(levelWarn, "This master does not lead any more."))
		}
	case !wasLeading || term != h.now.term:
		h.now, h.ring, h.size = place{term: term}, nil, 0
		h.picture = p
		h.add("overview", showOverview(p.overview))
		h.add("notice", newNotice(levelInfo, "Master "+messages.Clean(p.overview.Leader.MasterID, 128)+" leads."))
	default:
		h.addChanges(h.picture, p)
		h.picture = p
	}
	if h.now != before || !wasLooked || h.leading != wasLeading {
		h.wake()
	}
}

// add adds an event to the ring. The lock is held.
func (h *eventHub) add(kind string, body any) {
	data, err := eventData(body)
	if err != nil {
		return // cannot happen: all bodies are of types that JSON knows
	}
	h.now.seq++
	h.ring = append(h.ring, event{h.now, kind, data})
	h.size += len(data)
	for len(h.ring) > maxRing || h.size > maxRingBytes && len(h.ring) > 1 {
		h.size -= len(h.ring[0].data)
		h.ring[0] = event{} // the array of the ring may live on
		h.ring = h.ring[1:]
	}
}

// eventPart is what a stream has to write next.
type eventPart struct {
	known  bool // the fields below are known: there was an answer
	events []event
	stale  bool  // events before these are not known any more
	at     place // behind the events
	ended  bool  // no more will come
	more   <-chan struct{}
}

// since returns the events behind a place. A stream that is fresh, or whose place is not
// known any more, gets the notices that are left and the last overview.
func (h *eventHub) since(at place, fresh bool) eventPart {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := eventPart{known: h.looked, at: h.now, ended: h.closed || h.looked && !h.leading, more: h.more}
	if !out.known {
		return out
	}
	first := h.now.seq - uint64(len(h.ring)) // the place before the ring
	out.stale = !fresh && (at.term != h.now.term || at.seq < first || at.seq > h.now.seq)
	if !fresh && !out.stale {
		out.events = append(out.events, h.ring[at.seq-first:]...)
		return out
	}
	for _, e := range h.ring {
		if e.kind == "notice" {
			out.events = append(out.events, e)
		}
	}
	if data, err := eventData(showOverview(h.picture.overview)); err == nil && h.leading {
		out.events = append(out.events, event{h.now, "overview", data})
	}
	return out
}
