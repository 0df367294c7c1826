package actors

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// roster lets many questions for the masters share one reading of their heartbeats.
type roster struct {
	at      time.Time // time of the last reading
	others  []messages.MasterStatus
	missing string // why the heartbeats could not be read
	waiting []rosterAsker
	flying  bool
}

type rosterAsker struct {
	pid  *actor.PID
	role string
}

type (
	// askRoster asks the elector for all masters. The answer is a Masters.
	askRoster struct{ role string } // of this master
	// backEnds is which systems this master reaches, as the view has it.
	backEnds struct{ list []messages.BackEnd }
	// rosterRead is the result of a reading: the last heartbeat of each master.
	rosterRead struct {
		beats map[string]messages.MasterStatus
		err   error
	}
)

const (
	// rosterFor is how long a reading is shared.
	rosterFor = 2 * time.Second
	// rosterTimeout bounds one reading, within the time of an answer.
	rosterTimeout = 2 * time.Second
	// rosterRecords is how many of the last heartbeats are read: those of a minute with five
	// masters, and of some seconds with fifty.
	rosterRecords = 300
	// silentAfter is how old the last heartbeat of a living master is at most.
	silentAfter = 5 * time.Second
	// rosterKeeps is how long a master that sends no heartbeats is listed.
	rosterKeeps = time.Minute
)

func (e *elector) onAskRoster(ctx actor.Context, m *askRoster) {
	r := &e.roster
	r.waiting = append(r.waiting, rosterAsker{ctx.Sender(), m.role})
	switch {
	case time.Since(r.at) < rosterFor:
		e.answerRoster(ctx)
	case !r.flying:
		r.flying = true
		in, topic := e.in, e.cfg.HeartbeatTopic
		call(ctx, e.ctx, rosterTimeout, func(c context.Context) any {
			beats, err := readRoster(c, in, topic)
			return &rosterRead{beats: beats, err: err}
		})
	}
}

// readRoster reads the last heartbeats of all masters.
func readRoster(ctx context.Context, in Consumer, topic string) (map[string]messages.MasterStatus, error) {
	start, end, err := in.Offsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("read the ends of %s: %w", topic, err)
	}
	beats := map[string]messages.MasterStatus{}
	at := messages.Position{Topic: topic}
	if len(end) > 0 {
		at.Offset = max(start[0], end[0]-rosterRecords)
	}
	for len(end) > 0 && at.Offset < end[0] {
		list, err := in.Fetch(ctx, []messages.Position{at}, 100*time.Millisecond)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		if len(list) == 0 || list[0].Err != nil || list[0].Offset <= at.Offset {
			break // what is missing is not there any more
		}
		for _, record := range list[0].Records {
			s, err := messages.DecodeMaster(record.Value)
			if _, known := beats[s.ID]; err == nil && (known || len(beats) < messages.MaxMasters) {
				beats[s.ID] = s
			}
		}
		at.Offset = list[0].Offset
	}
	return beats, nil
}

func (e *elector) onRosterRead(ctx actor.Context, m *rosterRead) {
	r := &e.roster
	r.flying, r.at, r.others, r.missing = false, time.Now(), nil, ""
	if m.err != nil {
		r.missing = messages.CleanLine(m.err.Error(), messages.MaxBackEndError)
	}
	for id, s := range m.beats {
		age := r.at.Sub(s.Seen)
		if id == e.cfg.MasterID || age > rosterKeeps {
			continue
		}
		if age > silentAfter {
			s.Role, s.LeaseUntil = "silent", time.Time{}
		}
		r.others = append(r.others, s)
	}
	e.answerRoster(ctx)
}

func (e *elector) answerRoster(ctx actor.Context) {
	for _, to := range e.roster.waiting {
		own := e.present(time.Now())
		own.Role = to.role
		list := append([]messages.MasterStatus{own}, e.roster.others...)
		slices.SortFunc(list, func(a, b messages.MasterStatus) int { return cmp.Compare(a.ID, b.ID) })
		ctx.Send(to.pid, messages.Masters{List: list, Missing: e.roster.missing})
	}
	e.roster.waiting = nil
}

// present describes this master.
func (e *elector) present(now time.Time) messages.MasterStatus {
	s := messages.MasterStatus{
		ID: e.cfg.MasterID, Role: "standby", Term: e.current.Number, API: e.cfg.API, Version: e.cfg.Version, Started: e.started, Seen: now,
		BackEnds: slices.Clone(e.backEnds),
	}
	if e.leads {
		s.Role, s.LeaseUntil = "leader", e.trusted.Add(leaseMargin)
	}
	for i, b := range s.BackEnds {
		if b.Name == "kafka" && b.OK && e.unsent != nil { // a standby writes nothing but its heartbeat
			s.BackEnds[i] = messages.BackEnd{Name: b.Name, Since: e.unsentAt, Error: messages.CleanLine(e.unsent.Error(), messages.MaxBackEndError)}
		}
	}
	return s
}

// heartbeat is what this master tells all others.
func (e *elector) heartbeat(now time.Time) messages.MasterHeartbeat {
	s := e.present(now)
	return messages.MasterHeartbeat{
		MasterID: s.ID, Role: s.Role, Term: s.Term, API: s.API, TS: messages.WireTime(now), Deployment: e.deployment,
		Version: s.Version, StartedAt: messages.WireTime(s.Started), LeaseUntil: messages.WireTime(s.LeaseUntil), BackEnds: s.BackEnds,
	}
}
