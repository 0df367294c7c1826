package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// master is the root actor. It owns what outlives a term (persistence, egress, elector,
// view), starts a term actor while this process leads, and stops everything in order.
type master struct {
	masterDeps

	persistence, egress, elector, view *actor.PID

	leading   *actor.PID   // term actor, nil while this master does not lead
	ending    []*actor.PID // term actors of former terms, which are stopping
	term      messages.Term
	trusted   time.Time // end of the trust in the lease
	problems  problems
	failures  []time.Time // times of the terms that failed within the last minute
	stopping  *actor.PID  // who asked for the shutdown, nil before
	step      stopStep
	yield     *yielding // this master steps down, nil otherwise
	yieldEnds alarm
	// staleFlushes is how many answers are still to come that belong to a step-down which was
	// given up.
	staleFlushes int
	known        bool // the store has answered once who leads
	leader       messages.Leader
	published    masterState
	reason       error // why the master cannot go on
	ended        bool  // children end because this actor ends
}

// masterDeps is what Start gives to the master.
type masterDeps struct {
	cfg   Config
	parts Parts
	log   *slog.Logger
	end   context.CancelCauseFunc // called once everything has ended
}

type (
	// shutdown asks for an ordered stop. The answer is the same message.
	shutdown struct{}
	// elected reports that this master leads.
	elected struct{ term messages.Term }
	// deposed reports that this master no longer leads.
	deposed struct{ term messages.Term }
	// standing reports that another master leads.
	standing struct {
		term   messages.Term
		leader messages.Leader
	}
	// namesake reports that another process runs under this master's id.
	namesake struct{}
	// fenced reports that the store refused the term.
	fenced struct{ term messages.Term }
	// storeState reports whether the store can be written.
	storeState struct{ err error }
	// busState reports whether Kafka can be written or read.
	busState struct{ err error }
	// estranged reports why this master does not belong to the state. Without
	// a text it does belong.
	estranged struct{ text string }
	// renewTerm asks for another term: this one began without partitions that
	// can be read now.
	renewTerm struct{ term messages.Term }
)

// stopStep is the progress of an ordered stop.
type stopStep uint8

const (
	stopTerm     stopStep = iota
	stopAssigned          // the term has drained: commit the assignments
	stopProduced          // produce the chunks that were assigned
	stopStored            // commit what came back meanwhile
	stopReleased
)

// maxFailures is how many terms may fail within a minute. One more ends the process, so
// that another master, or a person, takes over.
const maxFailures = 8

func newMaster(deps masterDeps) actor.Actor {
	return &master{masterDeps: deps, problems: problems{}}
}

// Receive implements actor.Actor.
func (m *master) Receive(ctx actor.Context) {
	switch x := ctx.Message().(type) {
	case *actor.Started:
		m.start(ctx)
	case *actor.Stopping:
		m.ended = true
		m.yieldEnds.stop()
	case *actor.Stopped:
		m.end(m.reason)
		return
	case *trustTerm:
		m.trusted = x.until
		if m.leading != nil && x.term == m.term {
			ctx.Send(m.leading, x)
		}
	case *elected:
		m.known = true
		m.leader = messages.Leader{MasterID: m.cfg.MasterID, API: m.cfg.API}
		m.onElected(ctx, x)
		m.ledNow(ctx)
	case *standing:
		m.onStanding(x)
		m.ledNow(ctx)
	case *namesake:
		m.giveUp(ctx, fmt.Errorf("another master runs under MASTER_ID %q: give each one its own", m.cfg.MasterID))
	case *deposed:
		m.depose(ctx, x.term)
	case *fenced:
		if x.term == m.term {
			m.log.Warn("the store refused this master's term, beginning another one", "term", x.term.Number)
			m.beginAgain(ctx)
		}
	case *renewTerm:
		if x.term == m.term {
			m.log.Info("partitions of the chunk topic can be read again, beginning another term", "term", x.term.Number)
			m.beginAgain(ctx)
		}
	case *storeState:
		m.problems.setError("state", messages.ProblemState, "state", x.err, time.Now())
	case *estranged:
		m.onEstranged(x)
	case *knownDeployment:
		ctx.Send(m.elector, x)
	case *busState:
		m.problems.setError("kafka", messages.ProblemKafka, "kafka", x.err, time.Now())
	case *ask:
		m.onAsk(ctx, x)
	case *actor.Terminated:
		m.onTerminated(ctx, x)
	case *shutdown:
		m.onShutdown(ctx)
	case *drain:
		if m.leading != nil && m.leading.Equal(ctx.Sender()) { // otherwise it is of a term that has ended
			m.advance(ctx)
		}
	case *flushed:
		if m.staleFlushes > 0 {
			m.staleFlushes--
		} else {
			m.advance(ctx)
		}
	case *release:
		m.advance(ctx)
	case *backEnds:
		ctx.Send(m.elector, x)
	case *rang:
		if m.yieldEnds.rings(x) {
			m.yieldEnds.stop()
			m.onYieldEnds(ctx)
		}
	default:
		unknown(ctx)
	}
	if m.view != nil && !m.ended {
		m.publish(ctx, m.state())
	}
}

func (m *master) start(ctx actor.Context) {
	self := ctx.Self()
	m.view = spawn(ctx, m.log, "view", func() actor.Actor { return newView(m.log, m.cfg.WorkerCommand) })
	m.persistence = spawn(ctx, m.log, "persistence", func() actor.Actor { return newPersistence(m.parts.Store, m.log, self) })
	m.egress = spawn(ctx, m.log, "egress", func() actor.Actor { return newEgress(m.parts.Producer, m.log, self, m.persistence) })
	m.elector = spawn(ctx, m.log, "elector", func() actor.Actor {
		return newElector(electorDeps{cfg: m.cfg, lease: m.parts.Lease, bus: m.parts.Producer, in: m.parts.Consumer, files: m.parts.Files, log: m.log, owner: self, persistence: m.persistence, egress: m.egress})
	})
}

func (m *master) onElected(ctx actor.Context, x *elected) {
	if m.stopping != nil || m.ended {
		return
	}
	m.depose(ctx, m.term)
	m.term = x.term
	state := m.state()
	state.role, state.why = "leader", ""
	m.publish(ctx, state) // before the term publishes anything
	m.leading = spawn(ctx, m.log, "term-"+x.term.Holder, func() actor.Actor {
		return newTerm(termDeps{
			cfg: m.cfg, parts: m.parts, log: m.log, term: x.term, trusted: m.trusted, persistence: m.persistence, egress: m.egress, view: m.view,
		})
	})
}

// beginAgain ends the present term and asks the elector for another one.
func (m *master) beginAgain(ctx actor.Context) {
	term := m.term
	m.depose(ctx, term)
	ctx.Send(m.elector, &stepDown{term: term})
}

// depose stops the actor of a term.
func (m *master) depose(ctx actor.Context, term messages.Term) {
	if m.leading == nil || term != m.term {
		return
	}
	m.endYield(ctx)
	m.ending = append(m.ending, m.leading)
	ctx.Stop(m.leading)
	m.leading, m.leader = nil, messages.Leader{}
	m.passTerm(ctx)
}

// passTerm goes on with an ordered stop that waits for a term which has ended.
func (m *master) passTerm(ctx actor.Context) {
	if m.stopping != nil && m.step == stopTerm {
		m.advance(ctx)
	}
}

// onEstranged sets or clears the problem that this master does not belong to the state.
func (m *master) onEstranged(x *estranged) {
	if x.text == "" {
		m.problems.clear("deployment")
		return
	}
	m.problems.set("deployment", messages.Problem{Kind: messages.ProblemDeployment, Part: "state", Text: x.text}, time.Now())
}

// onAsk forwards a question: those that change something, and those about Kafka, to the
// term, all others to the view.
func (m *master) onAsk(ctx actor.Context, x *ask) {
	switch q := x.query.(type) {
	case messages.StepDown:
		m.onStepDown(ctx, q)
		return
	case messages.QueryMasters:
		ctx.RequestWithCustomSender(m.elector, &askRoster{role: m.state().role}, ctx.Sender())
		return
	case messages.QueryBatchSize, messages.SetBatchSize, messages.QueryTopics, messages.QueryTopicDetails, messages.GrowPartitions, messages.QueryBooks,
		messages.RetryLetters, messages.DiscardLetters, messages.QueryAudit,
		messages.QueryLogLevel, messages.SetLogLevel, messages.QueryWorker, messages.DrainWorker, messages.ResumeWorker, messages.ForgetWorker, messages.RecallChunks,
		messages.CancelFile, messages.AcknowledgeFile, messages.Rescan, messages.SetDispatch, messages.SetFile,
		messages.QueryWaiting, messages.SetWaiting, messages.QueryChunks:
		if m.leading != nil && m.stopping == nil {
			ctx.Forward(m.leading)
			return
		}
	}
	ctx.Forward(m.view)
}

// state returns the part of the overview that the master publishes.
func (m *master) state() masterState {
	state := masterState{term: m.term, leader: m.leader, problems: m.problems.list()}
	switch {
	case m.stopping != nil:
		state.role, state.why = "stopping", whyStopping
	case m.leading != nil:
		state.role = "leader"
	case m.known:
		state.role = "standby"
	default:
		state.role, state.why = "starting", whyStarting
	}
	return state
}

// publish sends the state to the view when it changed.
func (m *master) publish(ctx actor.Context, state masterState) {
	if !state.equal(m.published) {
		m.published = state
		ctx.Send(m.view, &state)
	}
}

// onTerminated distinguishes a term that was stopped from one that failed. The actors
// that outlive a term must not end at all.
func (m *master) onTerminated(ctx actor.Context, x *actor.Terminated) {
	if m.ended {
		return
	}
	for i, pid := range m.ending {
		if pid.Equal(x.Who) {
			m.ending = append(m.ending[:i:i], m.ending[i+1:]...)
			return
		}
	}
	if m.leading != nil && m.leading.Equal(x.Who) {
		m.endYield(ctx)
		m.leading = nil
		now := time.Now()
		m.failures = append(m.failures, now)
		for len(m.failures) > 0 && now.Sub(m.failures[0]) > time.Minute {
			m.failures = m.failures[1:]
		}
		if len(m.failures) <= maxFailures {
			ctx.Send(m.elector, &stepDown{term: m.term})
			m.passTerm(ctx)
			return
		}
	}
	m.giveUp(ctx, fmt.Errorf("the actor %s ended: see the log above", x.Who.Id))
}

// giveUp ends the actors for a reason that only a person can remove.
func (m *master) giveUp(ctx actor.Context, err error) {
	m.log.Error("the master cannot go on", "err", err)
	m.reason = err
	ctx.Stop(ctx.Self())
}

// onStanding remembers who leads, and logs a change.
func (m *master) onStanding(x *standing) {
	if !m.known || m.leader != x.leader || m.term != x.term {
		m.log.Info("another master leads, this one stands by", "term", x.term.Number, "leader", x.leader.MasterID, "api", x.leader.API)
	}
	m.known, m.leader, m.term = true, x.leader, x.term
}

func (m *master) onShutdown(ctx actor.Context) {
	if m.stopping != nil {
		return
	}
	m.stopping = ctx.Sender()
	if m.yield != nil && !m.yield.released { // the term drains already
		m.answerYield(ctx, unavailable(whyStopping))
		return
	}
	if m.leading == nil {
		m.step = stopReleased
		ctx.Request(m.elector, &release{})
		return
	}
	ctx.Request(m.leading, &drain{})
}

// advance takes the next step of an ordered stop.
func (m *master) advance(ctx actor.Context) {
	if m.stopping == nil && m.yield == nil {
		return
	}
	m.step++
	switch m.step {
	case stopAssigned:
		ctx.Request(m.persistence, &flushed{})
	case stopProduced:
		ctx.Request(m.egress, &flushed{})
	case stopStored:
		ctx.Request(m.persistence, &flushed{})
	case stopReleased:
		if m.stopping == nil {
			m.resign(ctx)
			return
		}
		ctx.Request(m.elector, &release{})
	default:
		ctx.Send(m.stopping, &shutdown{})
	}
}
