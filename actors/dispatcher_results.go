package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

type (
	// paused tells a worker's supervisor, by way of its free-worker, that the worker
	// gets no chunks for a while since it could do none; an empty reason ends that.
	paused struct {
		until  time.Time
		reason string
	}
	// quiet says since when a chunk in work shows no progress; a zero time, that it
	// shows some again.
	quiet struct {
		worker  messages.WorkerID
		batchID string
		since   time.Time
	}
	// stall is a chunk without progress.
	stall struct {
		worker messages.WorkerID
		since  time.Time
	}
)

func (d *dispatcher) onJudge(ctx actor.Context, m *judge, now time.Time) {
	w := m.signal.Worker
	if of := m.signal.Deployment; of != "" && of != d.deployment || d.led.otherRange(m.signal) {
		// A state or its last commits were lost, and the chunk's name was given again.
		// The slot of the chunk that has the name now stays taken.
		d.log.Debug("result of another chunk of the same name dropped", "worker_id", w, "batch_id", m.signal.BatchID, "deployment", of, "offset", m.signal.Offset)
		return
	}
	var failed messages.ChunkID
	v := d.led.resultOf(m.signal, func(e *entry) regard {
		if failed = e.ID; m.unfit {
			return regardNone
		}
		return d.breaker.judge(w, d.others(w)-e.failedElsewhere(w))
	}, now)
	d.tryWorker(ctx, m, v, failed, now)
	out := &judged{batchID: m.signal.BatchID, verdict: v}
	if o := d.offers[w]; o != nil && o.refill && m.reply != nil && o.pid.Equal(m.reply) && (v == verdictDone || v == verdictFailed || v == verdictRetry) {
		out.credited = true
		o.credits++
		o.upTo++
		o.ahead++
		d.enqueue(o)
	}
	switch v {
	case verdictFailed:
		d.log.Info("attempt failed", "worker_id", w, "batch_id", m.signal.BatchID, "err", m.signal.Error)
	case verdictDone:
	default:
		d.log.Debug("result judged", "worker_id", w, "batch_id", m.signal.BatchID, "verdict", v.String())
	}
	if m.reply != nil {
		ctx.Send(m.reply, out)
	}
}

func (d *dispatcher) onGiveBack(m *giveBack, now time.Time) {
	if d.led.takeBack(m.worker, m.batchID, m.how, m.reason, now) {
		d.log.Info("chunk taken back", "worker_id", m.worker, "batch_id", m.batchID, "reason", m.reason)
	}
}

// onGiveUp ends a chunk that no message can hold, or a file that changed.
func (d *dispatcher) onGiveUp(m *giveUp, now time.Time) {
	b, e := d.led.current(m.worker, m.batchID)
	if e == nil {
		return
	}
	if errors.Is(m.err, cutter.ErrOtherBytes) {
		d.led.change(b.ID, messages.FileChanged, m.err.Error(), now)
	}
	d.led.kill(b, e, m.err.Error(), now)
}

// others is how many workers beside this one take chunks.
func (d *dispatcher) others(w messages.WorkerID) int {
	if d.offers[w] != nil {
		return len(d.offers) - 1
	}
	return len(d.offers)
}

// tryWorker lets the breaker draw its conclusions from a verdict. What a worker says
// of itself needs no conclusion.
func (d *dispatcher) tryWorker(ctx actor.Context, m *judge, v verdict, id messages.ChunkID, now time.Time) {
	w := m.signal.Worker
	switch v {
	case verdictDone:
		if d.breaker.done(w) {
			d.resume(ctx, w)
		}
	case verdictFailed:
		trip, everybody := d.breaker.failed(w, id, d.others(w), m.signal.Error, now)
		d.pause(ctx, trip, now)
		if everybody {
			for _, id := range d.breaker.release() {
				d.resume(ctx, id)
			}
		}
	case verdictRetry:
		if !m.unfit {
			d.pause(ctx, d.breaker.retried(w, m.signal.Error, now), now)
		}
	}
}

// pause tells of a worker that gets nothing for a while.
func (d *dispatcher) pause(ctx actor.Context, trip *tripped, now time.Time) {
	if trip == nil {
		return
	}
	for _, id := range trip.pardons {
		d.led.pardon(id, trip.worker, now)
	}
	reason := messages.CutText(trip.reason, messages.MaxNote)
	d.log.Warn("worker is paused, its failures are not booked on the chunks", "worker_id", trip.worker, "for", trip.until.Sub(now), "reason", reason)
	if o := d.offers[trip.worker]; o != nil {
		ctx.Send(o.pid, &paused{until: trip.until, reason: fmt.Sprintf("gets one chunk to try itself from time to time: it %s", reason)})
	}
}

// resume lets a worker have chunks again.
func (d *dispatcher) resume(ctx actor.Context, w messages.WorkerID) {
	if o := d.offers[w]; o != nil {
		ctx.Send(o.pid, &paused{})
		d.enqueue(o)
	}
}

// holds reports whether a worker gets nothing now.
func (d *dispatcher) holds(w messages.WorkerID) bool {
	return len(d.breaker.trials) > 0 && d.breaker.holds(w, len(d.led.held[w]), time.Now())
}

// tryPaused lets workers whose pause is over have one chunk each.
func (d *dispatcher) tryPaused(now time.Time) {
	for _, w := range d.breaker.due(now) {
		if o := d.offers[w]; o != nil {
			d.enqueue(o)
		}
	}
}

const (
	// quietAfter is how long a chunk may show no progress at least, and quietTimes
	// how many times as long as half of its file's chunks take.
	quietAfter = time.Minute
	quietTimes = 5
)

func (d *dispatcher) onQuiet(m *quiet, now time.Time) {
	b, e := d.led.current(m.worker, m.batchID)
	if e == nil || m.since.IsZero() || now.Sub(m.since) < max(quietAfter, quietTimes*b.tempo.median()) {
		delete(d.stalled, m.batchID)
		return
	}
	d.stalled[m.batchID] = stall{worker: m.worker, since: m.since}
}

// tellQuiet names the chunk that has shown no progress for the longest time, and
// how many there are.
func (d *dispatcher) tellQuiet(now time.Time) {
	var first string
	for id, x := range d.stalled {
		if _, e := d.led.current(x.worker, id); e == nil {
			delete(d.stalled, id)
			continue
		}
		if at := d.stalled[first].since; first == "" || x.since.Before(at) || x.since.Equal(at) && id < first {
			first = id
		}
	}
	if first == "" {
		d.problems.clear("quiet")
		return
	}
	x := d.stalled[first]
	text := fmt.Sprintf("%s at %s for %d s without progress", first, x.worker, int(now.Sub(x.since).Seconds()))
	if n := len(d.stalled); n > 1 {
		text += fmt.Sprintf(", and %d other chunks", n-1)
	}
	d.problems.set("quiet", messages.Problem{Kind: messages.ProblemStalledChunk, Part: "workers", Text: text, Count: len(d.stalled)}, now)
}
