package actors

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// onView runs a test with a view that sees three probes as the actors of a term.
func onView(t *testing.T, f func(v *viewBundle)) {
	t.Helper()
	onStage(t, func(s *stage) {
		v := &viewBundle{stage: s, asker: s.probe("asker"), term: messages.Term{Number: 3}}
		v.pid, _ = s.spawn("view", func() actor.Actor { return newView(slog.New(slog.NewTextHandler(&v.out, nil)), "km worker") })
		for i := range v.sources {
			v.sources[i] = s.probe(source(i).String())
		}
		v.lead()
		f(v)
	})
}

type viewBundle struct {
	*stage
	pid     *actor.PID
	asker   *probe
	sources [4]*probe
	term    messages.Term
	out     bytes.Buffer
}

// lead begins a term in which every source has published once.
func (v *viewBundle) lead() {
	v.tell(v.pid, &masterState{role: "leader", term: v.term, leader: messages.Leader{MasterID: "m"}})
	v.publish(sourceTerm, 0, &termState{})
	v.publish(sourceIntake, 0, &folderState{listed: 1})
	v.publish(sourceFleet, 0, crew(1))
	v.publish(sourceDispatcher, 0, &fileChanges{})
}

func crew(n int) *fleetState {
	c := &fleetState{}
	c.counts[messages.Native][messages.WorkerFree] = n
	return c
}

func (v *viewBundle) publish(s source, glance uint64, body any, problems ...messages.Problem) {
	v.tell(v.pid, &published{source: s, term: v.term, from: v.sources[s].pid, glance: glance, problems: problems, body: body})
}

func (v *viewBundle) ask(q messages.Query) {
	v.root.RequestWithCustomSender(v.pid, &ask{query: q}, v.asker.pid)
	synctest.Wait()
}

// glances returns the numbers of the glances that a source was asked for since
// the last call.
func (v *viewBundle) glances(s source) (out []uint64) {
	synctest.Wait()
	p := v.sources[s]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		if g, ok := m.(*glance); ok {
			out = append(out, g.number)
		}
	}
	p.got = nil
	return out
}

// However many look, the actors that know are asked twice a second at most.
func TestManyQuestionsAreOneGlance(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		for range 200 {
			v.ask(messages.QueryOverview{})
			v.ask(messages.QueryHealth{})
		}
		require.Len(t, slices.DeleteFunc(v.asker.names(), func(s string) bool { return s != "messages.Overview" }), 200, "health is answered at once")
		for s := range source(len(sourceNames)) {
			require.Equal(t, []uint64{1}, v.glances(s))
			v.publish(s, 1, []any{&termState{}, &folderState{settling: 7, listed: 9}, crew(2), &fileChanges{}}[s])
		}
		require.Len(t, v.asker.got, 400)
		last := v.asker.got[399].(messages.Overview)
		require.Equal(t, 7, last.Settling)
		require.Equal(t, 2, last.Workers.Present())

		v.asker.clear()
		v.ask(messages.QueryFiles{})
		require.Len(t, v.asker.got, 1, "what was just looked at is shared")
		require.Empty(t, v.glances(sourceDispatcher))
		time.Sleep(viewEvery)
		v.ask(messages.QueryFiles{})
		require.Equal(t, []uint64{2}, v.glances(sourceDispatcher))
		time.Sleep(time.Hour)
		require.Empty(t, v.glances(sourceDispatcher), "without a question no actor is asked")
	})
}

// A fresh answer is newer than its question, even when a request was in flight.
func TestFreshAnswer(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		v.ask(messages.QueryOverview{})
		v.ask(messages.QueryOverview{Fresh: true})
		publish := func(glance uint64, settling int) {
			v.publish(sourceTerm, glance, &termState{})
			v.publish(sourceIntake, glance, &folderState{settling: settling})
			v.publish(sourceFleet, glance, crew(1))
			v.publish(sourceDispatcher, glance, &fileChanges{})
		}
		publish(0, 1) // sent before the glance came
		expectNone[messages.Overview](v.asker)
		publish(1, 2)
		require.Equal(t, 2, expect[messages.Overview](v.asker).Settling)
		expectNone[messages.Overview](v.asker)
		publish(2, 3)
		require.Equal(t, 3, expect[messages.Overview](v.asker).Settling)
	})
}

// A part of the master that hangs does not silence the others, and is a problem.
func TestDeafPartIsAProblem(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		health := func() messages.Overview {
			v.ask(messages.QueryHealth{})
			return expect[messages.Overview](v.asker)
		}
		require.Empty(t, health().Problems)
		time.Sleep(stuckAfter + time.Second)
		o := health()
		require.Equal(t, "leader", o.Role)
		require.Equal(t, messages.ProblemMasterStuck, o.Problems[0].Kind)
		v.asker.clear()
		for range maxWaiting + 1 {
			v.ask(messages.QueryFiles{})
		}
		require.Len(t, v.asker.got, 1)
		require.ErrorIs(t, v.asker.got[0].(error), messages.ErrUnavailable)
		for s := range source(len(sourceNames)) {
			v.publish(s, 1, []any{&termState{}, &folderState{listed: 1}, crew(1), &fileChanges{}}[s])
		}
		require.Empty(t, health().Problems)
	})
}

// What was asked of a term that ends is answered by what comes after it.
func TestQuestionsOutliveTheTerm(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		other := messages.Leader{MasterID: "other", API: "h:1"}
		v.ask(messages.QueryWorkers{})
		v.ask(messages.QueryOverview{})
		v.tell(v.pid, &masterState{role: "standby", term: messages.Term{Number: 4}, leader: other})
		require.Equal(t, "standby", expect[messages.Overview](v.asker).Role)
		var refused *messages.NotLeader
		require.ErrorAs(t, expect[error](v.asker), &refused)
		require.Equal(t, other, refused.Leader)
		v.publish(sourceFleet, 1, crew(9)) // of the term that is over
		v.tell(v.pid, &workerList{term: v.term, list: make([]messages.WorkerStatus, 1)})
		v.ask(messages.QueryHealth{})
		require.Zero(t, expect[messages.Overview](v.asker).Workers.Present())
	})
}

// No worker at all is a problem like every other: in the list, and in the log
// when it begins and when it ends.
func TestNoWorkersIsInTheList(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		began := time.Now()
		v.publish(sourceFleet, 0, crew(0))
		v.ask(messages.QueryHealth{})
		require.Empty(t, expect[messages.Overview](v.asker).Problems, "they may just be announcing themselves")
		time.Sleep(aloneFor + time.Second)
		v.ask(messages.QueryHealth{})
		p := expect[messages.Overview](v.asker).Problems
		require.Equal(t, []messages.Problem{{Kind: messages.ProblemNoWorkers, Part: "workers", Text: "there is no worker, so nothing can be done", Since: began, Count: 1, Cures: []messages.Cure{
			{Text: "start a worker, with --each or --exec and the command for your items", Command: "km worker"},
		}}}, p)
		require.Equal(t, 1, strings.Count(v.out.String(), "level=WARN msg=problem kind=no_workers"))
		v.publish(sourceFleet, 0, crew(1))
		require.Equal(t, 1, strings.Count(v.out.String(), `level=INFO msg="problem is over" kind=no_workers part=workers lasted=4s`), v.out.String())
	})
}

// A problem with a figure in its text is logged once, and a hundred of one kind
// are no hundred lines.
func TestProblemsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		since := time.Now()
		for i := range 50 {
			v.publish(sourceFleet, 0, crew(1), messages.Problem{Kind: messages.ProblemUnfitWorker, Part: "workers", Text: fmt.Sprint(i), Since: since, Count: i})
		}
		require.Equal(t, 1, strings.Count(v.out.String(), "msg=problem"))
		var all []messages.Problem
		for i := range 100 {
			all = append(all, messages.Problem{Kind: messages.ProblemUnfitWorker, Part: "workers", Text: "x", Since: since.Add(time.Duration(i)), Count: 1})
		}
		v.publish(sourceFleet, 0, crew(1), all...)
		require.Equal(t, maxLoggedOfKind, strings.Count(v.out.String(), "msg=problem"))
		v.publish(sourceFleet, 0, crew(1))
		require.Equal(t, maxLoggedOfKind, strings.Count(v.out.String(), "problem is over"))
	})
}

// The totals that are kept are those that a sum would give, and nothing that was
// given away changes afterwards.
func TestFilesSeenModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, model := newFileTable(), map[messages.FileID]messages.FileStatus{}
		now := time.Unix(1000, 0)
		var given []*messages.FileStatus
		var copies []messages.FileStatus
		var ended uint64
		s.apply(&fileChanges{}, now)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			b := &fileChanges{}
			now = now.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "seconds")) * time.Second)
			for id := range rapid.IntRange(0, 3).Draw(t, "changed") {
				f := messages.FileStatus{File: &messages.File{ID: messages.FileID(rapid.IntRange(1, 20).Draw(t, "id")*4 + id), State: messages.FileRunning, Items: int64(rapid.IntRange(0, 9).Draw(t, "items"))}}
				if rapid.Bool().Draw(t, "ends") {
					f.State, f.Ended = messages.FileDone, now
				}
				if was, known := model[f.ID]; f.HasEnded() && !(known && was.Ended.Equal(f.Ended)) { // it may end again
					ended++
				}
				b.changed = append(b.changed, &f)
				model[f.ID] = f
			}
			if id := messages.FileID(rapid.IntRange(1, 90).Draw(t, "forgotten")); !slices.ContainsFunc(b.changed, func(f *messages.FileStatus) bool { return f.ID == id }) {
				b.forgotten = append(b.forgotten, id)
				delete(model, id)
			}
			s.apply(b, now)
			var sum messages.FileTotals
			for _, f := range model {
				sum.Add(f, 1)
			}
			require.Equal(t, sum, s.totals)
			require.Equal(t, ended, s.endings)
			require.Len(t, s.list, len(model))
			for i, f := range given {
				require.Equal(t, copies[i], *f)
			}
			given, copies = s.all(), nil
			for _, f := range given {
				require.Equal(t, model[f.ID], *f)
				copies = append(copies, *f)
			}
		}
	})
}

// A file that ended while a term began is shown as ended; one of long ago is not.
func TestEndedFilesAcrossTerms(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	file := func(id messages.FileID, ended time.Time) *messages.FileStatus {
		f := &messages.FileStatus{File: &messages.File{ID: id, State: messages.FileRunning, Ended: ended}}
		if f.HasEnded() {
			f.State = messages.FileDone
		}
		return f
	}
	s := newFileTable()
	s.apply(&fileChanges{changed: []*messages.FileStatus{file(1, now.Add(-time.Hour)), file(2, time.Time{})}}, now)
	require.Zero(t, s.endings)
	s.beginTerm() // failed on the way
	s.beginTerm()
	s.apply(&fileChanges{changed: []*messages.FileStatus{file(1, now.Add(-time.Hour)), file(2, now.Add(time.Second)), file(3, now.Add(2*time.Second))}}, now.Add(time.Minute))
	require.Equal(t, uint64(2), s.endings)
	s.resign() // another master led for a while
	s.beginTerm()
	s.apply(&fileChanges{changed: []*messages.FileStatus{file(1, now.Add(-time.Hour)), file(2, now.Add(time.Second)), file(4, now.Add(2*time.Minute))}}, now.Add(time.Hour))
	require.Equal(t, uint64(2), s.endings)
	for id := range messages.FileID(5000) {
		s.apply(&fileChanges{changed: []*messages.FileStatus{file(id+10, now.Add(2*time.Hour))}}, now)
		require.LessOrEqual(t, len(s.ended), 2*maxEnded)
	}
	require.Equal(t, uint64(5002), s.endings)
	require.Equal(t, messages.FileID(5009), s.ended[len(s.ended)-1].ID)
}
