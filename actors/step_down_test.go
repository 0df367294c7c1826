package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// masters are the masters that a system lists, by id.
func (w *world) masters(s *System) map[string]messages.MasterStatus {
	w.t.Helper()
	a, err := s.Ask(w.t.Context(), messages.QueryMasters{})
	require.NoError(w.t, err)
	out := map[string]messages.MasterStatus{}
	for _, m := range a.(messages.Masters).List {
		out[m.ID] = m
	}
	require.Len(w.t, out, len(a.(messages.Masters).List))
	return out
}

// A leader that steps down finishes what it began, and the standby leads at once.
func TestLeaderStepsDownForAStandby(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		other := w.second()
		_, err := other.Ask(t.Context(), messages.StepDown{})
		var not *messages.NotLeader
		require.ErrorAs(t, err, &not)
		require.Equal(t, "m", not.Leader.MasterID, "only the leader can step down")
		h.finish(messages.OutcomeOK)

		began := time.Now()
		got := w.ask(messages.StepDown{By: "api"}).(messages.SteppedDown)
		require.Less(t, time.Since(began), yieldWithin+yieldAnswer)
		require.Equal(t, messages.Leadership{Leader: messages.Leader{MasterID: "m", API: w.cfg.API}, Term: 1}, got.Old)
		require.Equal(t, messages.Leadership{Leader: messages.Leader{MasterID: "n", API: "n:1"}, Term: 2}, got.New)
		former := w.sys
		w.sys = other
		require.Equal(t, []string{"step_down m:  -> "}, w.changes(), "the next leader knows who wanted that")
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(40), f.DoneItems)
		require.Zero(t, f.Repeats+f.Duplicates)
		time.Sleep(2 * standAsideFor)
		o := w.overview()
		require.Equal(t, "leader", o.Role)
		require.Equal(t, uint64(2), o.Term, "the former leader does not take the lease back")

		w.sys = former
		require.Equal(t, "standby", w.overview().Role)
		w.sys = other
		got = w.ask(messages.StepDown{By: "api"}).(messages.SteppedDown)
		require.Equal(t, "m", got.New.Leader.MasterID, "it takes over as any other standby")
		w.sys = former
		require.NoError(t, other.Stop(t.Context()))
	})
}

// A leader that steps down, and whose lease the store has not released, is not the next leader
// because of that lease.
func TestLeaderDoesNotFollowItself(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.store.IgnoreRelease()
		got := w.ask(messages.StepDown{}).(messages.SteppedDown)
		require.Equal(t, messages.Leadership{Term: 1}, got.New, "nobody leads")
		require.Empty(t, w.overview().Leader)
	})
}

func TestLeaderWithoutAStandbyLeadsAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		got := w.ask(messages.StepDown{}).(messages.SteppedDown)
		require.Equal(t, messages.Leadership{Term: 1}, got.New, "nobody leads")
		require.Equal(t, "standby", w.overview().Role)
		_, err := w.sys.Ask(t.Context(), messages.StepDown{})
		require.ErrorIs(t, err, messages.ErrUnavailable)
		time.Sleep(standAsideFor + time.Second)
		require.Equal(t, "leader", w.overview().Role)
		require.Equal(t, uint64(2), w.overview().Term)
		h.work("a.txt")
		require.Zero(t, w.file("a.txt").Repeats)
	})
}

// What cannot be stored does not keep a leader from stepping down, and a term that ends
// meanwhile is no reason to wait.
func TestStepDownEndsInTime(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(w *world){
		"the store is away":         func(w *world) { w.store.SetDown(errors.New("away")) },
		"the lease is lost":         func(w *world) { w.memory.Depose() },
		"the next commit is fenced": func(w *world) { w.store.FenceNext() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.startWorker("w1", 0)
				w.drop("a.txt", 8)
				breakIt(w)
				began := time.Now()
				_, _ = w.sys.Ask(t.Context(), messages.StepDown{})
				require.Less(t, time.Since(began), messages.AskTimeout)
				w.store.SetDown(nil)
				time.Sleep(standAsideFor + 5*time.Second)
				require.Equal(t, "leader", w.overview().Role)
				h.work("a.txt")
				w.ask(messages.StepDown{})
				time.Sleep(standAsideFor + time.Second)
				require.Equal(t, "leader", w.overview().Role, "and it can do so again")
			})
		})
	}
}

// A master that is told to stop while it steps down stops in order.
func TestStopWhileAMasterStepsDown(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 2 * time.Second} {
		inWorld(t, func(w *world) {
			w.startWorker("w1", 0)
			w.drop("a.txt", 8)
			go func() { _, _ = w.sys.Ask(t.Context(), messages.StepDown{}) }()
			time.Sleep(after)
			began := time.Now()
			w.stop()
			require.Less(t, time.Since(began), time.Second)
			w.start()
			require.Equal(t, "leader", w.overview().Role, "the lease was released")
		})
	}
}

func TestMastersAreListed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Version, w.cfg.API = "v1", "m:1"
		started := time.Now()
		w.start()
		other := w.second()
		time.Sleep(3 * time.Second)
		for _, s := range []*System{w.sys, other} {
			all := w.masters(s)
			require.Len(t, all, 2)
			m, n := all["m"], all["n"]
			require.Equal(t, "leader", m.Role)
			require.Equal(t, "standby", n.Role)
			require.Equal(t, []string{"m:1", "n:1", "v1", "v1"}, []string{m.API, n.API, m.Version, n.Version})
			require.Equal(t, []uint64{2, 2}, []uint64{m.Term, n.Term})
			require.WithinDuration(t, started, m.Started, time.Second)
			require.WithinDuration(t, time.Now(), m.Seen, 4*time.Second)
			require.WithinDuration(t, time.Now().Add(leaseTTL), m.LeaseUntil, 4*time.Second)
			require.Zero(t, n.LeaseUntil)
			require.Equal(t, []messages.BackEnd{{Name: "kafka", OK: true}, {Name: "state", OK: true}, {Name: "input", OK: true}}, m.BackEnds)
			require.Equal(t, []messages.BackEnd{{Name: "kafka", OK: true}, {Name: "state", OK: true}}, n.BackEnds)
		}
		w.files.setGone(errors.New("no share"))
		time.Sleep(15 * time.Second)
		input := w.masters(other)["m"].BackEnds[2]
		require.False(t, input.OK)
		require.NotZero(t, input.Since)
		require.Contains(t, input.Error, "no share")
		w.files.setGone(nil)

		w.bus.setDown(errors.New("no broker"))
		time.Sleep(10 * time.Second)
		a, err := other.Ask(t.Context(), messages.QueryMasters{})
		require.NoError(t, err, "this master is known whatever is away")
		require.Contains(t, a.(messages.Masters).Missing, "no broker")
		own := a.(messages.Masters).List[0]
		require.Equal(t, "n", own.ID)
		require.False(t, own.BackEnds[0].OK, "a standby writes its heartbeats alone")
		require.Contains(t, own.BackEnds[0].Error, "no broker")
		w.bus.setDown(nil)
		time.Sleep(5 * time.Second)
		require.True(t, w.masters(other)["n"].BackEnds[0].OK)

		require.NoError(t, other.Stop(t.Context()))
		time.Sleep(10 * time.Second)
		require.Equal(t, "silent", w.masters(w.sys)["n"].Role)
		time.Sleep(rosterKeeps)
		require.Len(t, w.masters(w.sys), 1)
	})
}

// Anybody who can write to the topic may have sent a heartbeat.
func TestForeignHeartbeatsAreBounded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, text := range []string{"", "x", "{}", `{"masterId":"m","role":"leader","term":99}`, `{"masterId":"odd","role":"king","ts":"now","backEnds":[]}`} {
			w.bus.Produce(t.Context(), []messages.Record{{Topic: w.cfg.HeartbeatTopic, Value: []byte(text)}})
		}
		all := w.masters(w.sys)
		require.Len(t, all, 1, "one without a time is older than all others")
		require.Equal(t, uint64(1), all["m"].Term, "nobody speaks for this master")
	})
}
