package actors

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

type (
	// offer is how many chunks a free-worker takes.
	offer struct {
		ledger.Offer
		pid *actor.PID
	}
	// withdraw ends an epoch: the worker takes nothing more.
	withdraw struct {
		worker messages.WorkerID
		epoch  uint64
		under  string // only of a free-worker whose name begins so
	}
	// judge asks for a verdict on a final progress message.
	judge struct {
		signal messages.Signal
		reply  *actor.PID // gets judged
		unfit  bool       // the worker reports that it can do no chunk now
		ack    receipt
	}
	// verdict is a verdict that has to be sent.
	verdict struct {
		to     *actor.PID
		native bool
		judged *judged
	}
	// begun reports that an attempt shows progress.
	begun struct {
		worker  messages.WorkerID
		batchID string
	}
	// quiet reports since when an attempt shows no progress; a zero time means that it
	// shows some again.
	quiet struct {
		worker  messages.WorkerID
		batchID string
		since   time.Time
	}
	// recallAll has everything recalled that a worker has not begun. The free-worker that asks
	// passes the recall on.
	recallAll struct {
		worker messages.WorkerID
		to     *actor.PID
	}
	// giveBack ends an attempt without a result.
	giveBack struct {
		worker  messages.WorkerID
		batchID string
		how     ledger.Ending
		reason  string
	}
	// giveUp reports that a chunk cannot be sent, whoever takes it.
	giveUp struct {
		worker  messages.WorkerID
		batchID string
		err     error
	}
	// workerLost takes back everything that a worker holds.
	workerLost struct {
		worker messages.WorkerID
		how    ledger.Ending
		reason string
		left   bool // the worker is not known any more
	}
	// nobody is why no worker takes chunks, and a worker for which that is so; the zero value
	// means that some do.
	nobody struct {
		why     messages.Why
		example messages.WorkerID
	}
	// askTries asks for a worker with its last attempts. The answer is a WorkerDetail.
	askTries struct{ status messages.WorkerStatus }
)

// onWorker handles what happens to workers and their attempts.
func (d *dispatcher) onWorker(msg any, now time.Time) {
	switch m := msg.(type) {
	case *offer:
		if d.ledger.Workers().Offer(m.Offer, now) {
			d.takers[m.Worker] = m.pid
		}
	case *withdraw:
		if pid := d.takers[m.worker]; pid != nil && strings.HasPrefix(pid.Id, m.under) && d.ledger.Workers().Withdraw(m.worker, m.epoch) {
			delete(d.takers, m.worker)
		}
	case *giveBack:
		if d.ledger.Attempts().TakeBack(m.worker, m.batchID, m.how, m.reason, now) {
			d.log.Info("chunk taken back", "worker_id", m.worker, "batch_id", m.batchID, "reason", m.reason)
		}
	case *giveUp:
		how := ledger.EndUnsendable
		if errors.Is(m.err, cutter.ErrOtherBytes) {
			how = ledger.EndOtherBytes
		}
		d.ledger.Attempts().TakeBack(m.worker, m.batchID, how, m.err.Error(), now)
	case *nobody:
		d.ledger.Workers().Nobody(m.why, m.example)
	case *quiet:
		d.ledger.Attempts().Quiet(m.worker, m.batchID, m.since)
	case *workerLost:
		if n := d.ledger.Workers().Lost(m.worker, m.how, m.reason, now); n > 0 {
			d.log.Info("chunks taken back", "worker_id", m.worker, "chunks", n, "reason", m.reason)
		}
		if m.left {
			d.ledger.Workers().Forget(m.worker)
		}
	}
}

func (d *dispatcher) onJudge(ctx actor.Context, m *judge, now time.Time) {
	w, s := m.signal.Worker, m.signal
	out := d.ledger.Attempts().Judge(ledger.Result{
		Signal: s, Unfit: m.unfit,
		Foreign: s.Deployment != "" && s.Deployment != d.deployment,
		Refill:  m.reply != nil && m.reply.Equal(d.takers[w]),
	}, now)
	if out.Verdict == ledger.VerdictForeign {
		// The slot of the chunk that has the name now stays taken.
		d.log.Debug("result of another chunk of the same name dropped", "worker_id", w, "batch_id", s.BatchID, "deployment", s.Deployment, "offset", s.Offset)
		return
	}
	if out.Verdict == ledger.VerdictDone || out.Verdict == ledger.VerdictFailed || out.Verdict == ledger.VerdictRetry {
		d.moved = now
	}
	d.pause(ctx, out.Paused, now)
	for _, id := range out.Resumed {
		if pid := d.takers[id]; pid != nil {
			ctx.Send(pid, &paused{})
		}
	}
	switch out.Verdict {
	case ledger.VerdictFailed:
		d.log.Info("attempt failed", "worker_id", w, "batch_id", s.BatchID, "err", s.Error)
	case ledger.VerdictDone:
	default:
		d.log.Debug("result judged", "worker_id", w, "batch_id", s.BatchID, "verdict", out.Verdict.String())
	}
	if m.reply != nil {
		d.verdict = &verdict{to: m.reply, native: s.Native(), judged: &judged{batchID: s.BatchID, verdict: out.Verdict, credited: out.Credited, epoch: out.Epoch}}
	}
}

// takeVerdict returns the verdict that goes with an assignment to the free-worker, nil without
// one. It waits for the commit then: a native worker does not mind, while the group of a
// classic one is judged by what its free-worker holds.
func (d *dispatcher) takeVerdict(to *actor.PID) *judged {
	v := d.verdict
	if v == nil || !v.native || !v.to.Equal(to) {
		return nil
	}
	d.verdict = nil
	return v.judged
}

// tellVerdict sends the verdict that goes with no assignment.
func (d *dispatcher) tellVerdict(ctx actor.Context) {
	if d.verdict != nil {
		ctx.Send(d.verdict.to, d.verdict.judged)
		d.verdict = nil
	}
}

// pause informs the free-worker of a worker that gets nothing for a while.
func (d *dispatcher) pause(ctx actor.Context, p *ledger.Pause, now time.Time) {
	if p == nil {
		return
	}
	reason := messages.CutText(p.Reason, messages.MaxNote)
	d.log.Warn("worker is paused, its failures are not booked on the chunks", "worker_id", p.Worker, "for", p.Until.Sub(now), "reason", reason)
	if pid := d.takers[p.Worker]; pid != nil {
		ctx.Send(pid, &paused{until: p.Until, reason: fmt.Sprintf("gets one chunk to try itself from time to time: it %s", reason)})
	}
}
