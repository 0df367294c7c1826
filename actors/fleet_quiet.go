package actors

import (
	linked "container/list"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// quietWorkers are native workers without chunks whose next heartbeats are expected to show
// nothing but that they live. Most workers of a large pool have nothing to do most of the
// time, so the fleet notes these heartbeats itself, and watches the silence of all these
// workers with one alarm. Whatever else is read of such a worker goes to its supervisor, which
// watches it again from then on.
type quietWorkers struct {
	list  linked.List // of *quietWorker, the one that is silent for the longest time first
	watch alarm       // for the time when the silence of the first one has to be judged
}

// quietWorker is a worker that the fleet watches.
type quietWorker struct {
	member *member
	beat   plainBeat
	last   time.Time // time of the last sign of life
}

// plainBeat is what a heartbeat without chunks and without a note shows.
type plainBeat struct {
	incarnation messages.Incarnation
	next        int64 // offset that the worker reads next
	recalls     bool
}

type (
	// handOver gives the watch over a worker to the fleet. It is void when the fleet has sent
	// the supervisor further messages of the worker meanwhile: the supervisor keeps the watch
	// then.
	handOver struct {
		worker messages.WorkerID
		from   *actor.PID
		heard  uint64 // messages of the worker that the supervisor has handled
		beat   plainBeat
	}
	// handBack gives the watch back to the supervisor.
	handBack struct {
		last time.Time // time of the last sign of life
	}
)

// plainBeatOf returns what a heartbeat shows; ok is false when it shows more than that.
func plainBeatOf(s *messages.Signal) (b plainBeat, ok bool) {
	if s.Kind != messages.SignalHeartbeat || s.Note != "" || len(s.Running)+len(s.Queued) > 0 || len(s.Partitions) > shortList {
		return b, false
	}
	return plainBeat{incarnation: s.Incarnation, next: s.Next, recalls: s.Recalls}, true
}

// onSignals takes the messages of one fetch. Those that only show that quiet workers live are
// acknowledged together.
func (f *fleet) onSignals(ctx actor.Context, m *signals) {
	noted, now := 0, time.Now()
	for i := range m.list {
		if f.noteBeat(&m.list[i], now) {
			noted++
			continue
		}
		f.route(ctx, &heard{signal: m.list[i], ack: receipt{ingress: m.from, batch: m.batch}})
	}
	if noted > 0 && m.from != nil {
		ctx.Send(m.from, &acked{batch: m.batch, n: noted, quiet: noted == len(m.list) && f.holding == 0})
	}
}

// noteBeat notes a heartbeat of a quiet worker. It returns false for any other message.
func (f *fleet) noteBeat(s *messages.Signal, now time.Time) bool {
	w := f.members[s.Worker]
	if w == nil || w.quiet == nil {
		return false
	}
	q := w.quiet.Value.(*quietWorker)
	if b, ok := plainBeatOf(s); !ok || b != q.beat {
		return false
	}
	w.seen, q.last = now, now
	f.quiet.list.MoveToBack(w.quiet)
	return true
}

func (f *fleet) onHandOver(ctx actor.Context, m *handOver) {
	w := f.members[m.worker]
	if w == nil || w.leaving || w.heard != m.heard || !w.pid.Equal(m.from) {
		return
	}
	w.quiet = f.quiet.list.PushBack(&quietWorker{member: w, beat: m.beat, last: time.Now()})
	f.watchQuiet(ctx)
}

// watchQuiet sets the alarm for the quiet worker that is silent for the longest time.
func (f *fleet) watchQuiet(ctx actor.Context) {
	if first := f.quiet.list.Front(); first != nil {
		f.quiet.watch.by(ctx, first.Value.(*quietWorker).last.Add(slots.SuspectAfter))
	}
}

// judgeQuiet gives the silent ones of the quiet workers back to their supervisors, which judge
// the silence.
func (f *fleet) judgeQuiet(ctx actor.Context) {
	now := time.Now()
	for first := f.quiet.list.Front(); first != nil; first = f.quiet.list.Front() {
		q := first.Value.(*quietWorker)
		if now.Sub(q.last) < slots.SuspectAfter {
			break
		}
		f.rouse(ctx, q.member)
	}
	f.watchQuiet(ctx)
}

// excuseQuiet starts the silence of the quiet workers again: nobody could hear them until now.
func (f *fleet) excuseQuiet() {
	now := time.Now()
	for e := f.quiet.list.Front(); e != nil; e = e.Next() {
		e.Value.(*quietWorker).last = now
	}
}

// rouse gives the watch over a worker back to its supervisor, if the fleet has it.
func (f *fleet) rouse(ctx actor.Context, w *member) {
	if w.quiet != nil {
		ctx.Send(w.pid, &handBack{last: w.quiet.Value.(*quietWorker).last})
		f.unwatch(w)
	}
}

// unwatch drops a worker from the quiet ones.
func (f *fleet) unwatch(w *member) {
	if w.quiet != nil {
		f.quiet.list.Remove(w.quiet)
		w.quiet = nil
	}
}
