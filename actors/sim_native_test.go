package actors

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// simNative is a native worker. Its results folder outlives its process.
type simNative struct {
	w         *simWorld
	process   *simProcess
	agent     *simAgent
	id        messages.WorkerID
	partition int32
	capacity  int
	recalls   bool              // it obeys recalls, as older workers do not
	records   bool              // it records its results, as older workers do not
	results   map[string]string // by batch id: what is on its disk, whole and synced

	inc      messages.Incarnation
	next     int64
	queue    []messages.ChunkMessage
	running  []*simRun
	known    map[string]simFinal // last words, by deployment and batch id
	unsaid   []simFinal
	progress []messages.Signal
	status   []messages.Signal
	beat     time.Time
	poll     time.Time
	term     uint64
	termSeen time.Time
	fullDisk bool
}

// simRun is a chunk in work.
type simRun struct {
	m     messages.ChunkMessage
	until time.Time
	how   messages.Outcome
	kills bool
	stage int // of ending: 0 works, 1 the result is written, 2 it is in its place
}

// simFinal is a final message, and what it was about.
type simFinal struct {
	s    messages.Signal
	data string
}

const simBeat = 3 * time.Second

func newSimNative(w *simWorld, i int) *simNative {
	p := &simNative{w: w, id: messages.WorkerID(fmt.Sprintf("native-%d", i)), capacity: 1, results: map[string]string{}}
	if w.rng.IntN(3) == 0 {
		p.capacity = 2
	}
	p.recalls = w.rng.IntN(4) > 0
	p.records = w.rng.IntN(4) > 0
	p.partition = int32(w.rng.IntN(w.cfg.Partitions))
	p.process = &simProcess{name: string(p.id), dead: true}
	p.agent = &simAgent{process: p.process, step: p.step}
	w.driver.agents = append(w.driver.agents, p.agent)
	w.kafka.watchers = append(w.kafka.watchers, func(at place) {
		if !p.process.dead && at.topic == w.cfg.ChunkTopic && at.partition == p.partition && p.poll.IsZero() {
			p.poll = time.Now().Add(w.driver.delay(0))
			p.rearm()
		}
	})
	return p
}

// start begins a process of the worker.
func (p *simNative) start() {
	now := time.Now()
	p.process.dead, p.process.frozen = false, time.Time{}
	p.inc = messages.Incarnation{StartMS: now.UnixMilli(), Random: fmt.Sprint(p.w.rng.IntN(1e9))}
	p.next, p.term, p.poll = p.w.kafka.logs[place{p.w.cfg.ChunkTopic, p.partition}].end(), 0, time.Time{}
	p.queue, p.running, p.unsaid, p.status, p.progress = nil, nil, nil, nil, nil
	p.known = map[string]simFinal{}
	p.say(messages.SignalAnnounce)
	p.beat = now.Add(simBeat)
	p.agent.at = now
}

func (p *simNative) crash() { p.process.dead = true }

// say queues a status message.
func (p *simNative) say(kind messages.SignalKind) {
	s := messages.Signal{Kind: kind, Worker: p.id, Incarnation: p.inc, Partitions: []int32{p.partition}, Capacity: p.capacity, Protocol: 2, Recalls: p.recalls}
	if kind == messages.SignalHeartbeat {
		s.Next = p.next
		for _, r := range p.running {
			s.Running = append(s.Running, r.m.BatchID)
		}
		for _, f := range p.unsaid {
			s.Running = append(s.Running, f.s.BatchID)
		}
		for _, m := range p.queue {
			s.Queued = append(s.Queued, m.BatchID)
		}
	}
	p.status = append(p.status, s)
}

// step does what is due. The order of its parts is that of the real worker: it
// reads, works, reports, and sends heartbeats.
func (p *simNative) step(now time.Time) time.Time {
	if p.process.dead {
		return time.Time{}
	}
	if !p.poll.IsZero() && !now.Before(p.poll) {
		p.poll = time.Time{}
		p.read(now)
	}
	for _, r := range slices.Clone(p.running) {
		if !now.Before(r.until) && p.advance(r, now) {
			return time.Time{} // it died on the way
		}
	}
	p.begin(now)
	if !now.Before(p.beat) {
		p.say(messages.SignalHeartbeat)
		p.beat = now.Add(simBeat)
	}
	if !p.flush() {
		return now.Add(200 * time.Millisecond)
	}
	p.rearm()
	return p.agent.at
}

// rearm sets when the worker acts again.
func (p *simNative) rearm() {
	at := p.beat
	for _, r := range p.running {
		at = earlier(at, r.until)
	}
	at = earlier(at, p.poll)
	p.agent.at = earlier(at, p.agent.at)
}

// earlier returns the earlier one of two times, of which b may be zero.
func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (p *simNative) read(now time.Time) {
	at := place{p.w.cfg.ChunkTopic, p.partition}
	l := p.w.kafka.logs[at]
	if l == nil || p.w.kafka.reach(at) != nil {
		p.poll = now.Add(300 * time.Millisecond)
		return
	}
	if p.next > l.end() { // the partition lost its records
		p.next, p.beat = l.end(), now
	}
	p.next = max(p.next, l.base)
	for ; p.next < l.end(); p.next++ {
		p.take(l.list[p.next-l.base].value, now)
	}
}

// take decides what becomes of a message.
func (p *simNative) take(value []byte, now time.Time) {
	m, err := messages.DecodeChunk(value)
	if err != nil || m.ID != string(p.id) || !m.IsRecall() && m.Term < p.term && now.Sub(p.termSeen) < 30*time.Second {
		return
	}
	if m.Incarnation != "" && m.Incarnation != p.inc.String() {
		p.w.sometimes("a worker skips a chunk for its former process")
		return
	}
	if m.IsRecall() {
		p.giveBack(m)
		return
	}
	p.term, p.termSeen = m.Term, now
	same := func(o messages.ChunkMessage) bool { return o.BatchID == m.BatchID }
	if f, ok := p.known[m.Deployment+" "+m.BatchID]; ok && f.data == strings.Join(m.Data, "\n") && (f.s.Outcome != messages.OutcomeOK || !p.w.merges.gone(m)) {
		p.w.sometimes("a worker answers from memory")
		p.unsaid = append(p.unsaid, f)
		return
	}
	if slices.ContainsFunc(p.queue, same) || slices.ContainsFunc(p.running, func(r *simRun) bool { return same(r.m) }) {
		return
	}
	p.queue = append(p.queue, m)
}

// giveBack obeys a recall.
func (p *simNative) giveBack(m messages.ChunkMessage) {
	if !p.recalls {
		p.w.history.violate("S5", "%s does not know recalls and gets one", p.id)
	}
	p.queue = slices.DeleteFunc(p.queue, func(c messages.ChunkMessage) bool {
		if !slices.Contains(m.Recall, c.BatchID) || c.Deployment != m.Deployment {
			return false
		}
		f := simFinal{s: p.finalOf(c, messages.OutcomeRetry, messages.TextRecalled), data: strings.Join(c.Data, "\n")}
		p.known[c.Deployment+" "+c.BatchID] = f
		p.unsaid = append(p.unsaid, f)
		return true
	})
}

// finalOf is the final message about a chunk.
func (p *simNative) finalOf(m messages.ChunkMessage, how messages.Outcome, text string) messages.Signal {
	n := int64(len(m.Data))
	s := messages.Signal{Kind: messages.SignalProgress, Worker: p.id, BatchID: m.BatchID, Processing: n, Total: n,
		Outcome: how, Incarnation: p.inc, Protocol: 2, Attempt: m.Attempt, Deployment: m.Deployment, Offset: m.Offset, Hash: m.Hash}
	if how != messages.OutcomeOK {
		s.Processing, s.Error = 0, text
		return s
	}
	failed := p.w.failing(m)
	s.FailedItems, s.FailedRanges = int64(len(failed)), messages.ItemRanges(failed)
	if p.records {
		s.Recorded, s.OutputLines = true, simLines(p.w.resultOf(m))
	}
	return s
}

// begin fills the worker's slots from its queue.
func (p *simNative) begin(now time.Time) {
	for len(p.running) < p.capacity && len(p.queue) > 0 {
		m := p.queue[0]
		p.queue = p.queue[1:]
		r := &simRun{m: m, how: messages.OutcomeOK, until: now.Add(p.w.workTime())}
		if p.w.chaotic() {
			switch p.w.rng.IntN(40) {
			case 0:
				r.how = messages.OutcomeFailed
			case 1:
				r.how = messages.OutcomeRetry
			}
		}
		what, at := p.w.poisonIn(m.Data)
		switch what {
		case poisonKills:
			r.kills = true
		case poisonFails:
			r.how = messages.OutcomeFailed
		}
		if what != 0 {
			p.w.poisoned(m.Data[at])
		}
		if p.fullDisk {
			p.w.sometimes("a result meets a full disk")
			r.how = messages.OutcomeRetry
		}
		p.running = append(p.running, r)
		if n := int64(len(m.Data)); n > 1 && p.w.rng.IntN(2) == 0 {
			p.progress = append(p.progress, messages.Signal{Kind: messages.SignalProgress, Worker: p.id, BatchID: m.BatchID,
				Processing: 1, Total: n, Incarnation: p.inc, Protocol: 2, Attempt: m.Attempt, Deployment: m.Deployment, Offset: m.Offset, Hash: m.Hash})
		}
	}
}

// advance ends a run in its stages, between which the worker may die.
func (p *simNative) advance(r *simRun, now time.Time) (died bool) {
	data := strings.Join(r.m.Data, "\n")
	r.until = now.Add(p.w.driver.delay(0) / 4)
	r.stage++
	switch {
	case p.w.killsWorker(p, r.stage):
		return true
	case r.kills:
		p.crash()
		p.w.killedByPoison(p.start)
		return true
	case r.how == messages.OutcomeOK && r.stage < 3:
		if r.stage == 2 {
			p.results[r.m.BatchID] = p.w.resultOf(r.m)
			p.w.history.executed(r.m)
		}
		return false
	}
	p.running = slices.DeleteFunc(p.running, func(x *simRun) bool { return x == r })
	f := simFinal{s: p.finalOf(r.m, r.how, "simulated"), data: data}
	if r.how == messages.OutcomeOK {
		p.known[r.m.Deployment+" "+r.m.BatchID] = f
	}
	p.unsaid = append(p.unsaid, f)
	return false
}

// flush sends what is queued, in order. It reports whether all of it was sent.
func (p *simNative) flush() bool {
	for len(p.progress) > 0 {
		if !p.w.kafka.say(p.w.cfg.SignalTopic, p.progress[0]) {
			break
		}
		p.progress = p.progress[1:]
	}
	for len(p.unsaid) > 0 {
		if !p.w.kafka.say(p.w.cfg.SignalTopic, p.unsaid[0].s) {
			break
		}
		p.unsaid = p.unsaid[1:]
	}
	for len(p.status) > 0 {
		if !p.w.kafka.say(p.w.cfg.ConnectionTopic, p.status[0]) {
			break
		}
		p.status = p.status[1:]
	}
	if len(p.status) > 1 && len(p.status) > 4 { // old heartbeats are of no use
		p.status = p.status[len(p.status)-1:]
	}
	return len(p.progress)+len(p.unsaid)+len(p.status) == 0
}

// holds lists what the worker has.
func (p *simNative) holds() (running, queued int) { return len(p.running), len(p.queue) }

// stored returns a result that is on the worker's disk.
func (p *simNative) stored(batchID string) (string, bool) {
	data, ok := p.results[batchID]
	return data, ok
}
