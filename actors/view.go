package actors

import (
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// view answers the questions of the API from immutable values that the other actors
// publish. However many questions there are, they cost those actors at most two small
// messages a second. view outlives a term, so that a standby and a master that begins
// another term answer, too.
type view struct {
	log           *slog.Logger
	workerCommand string // command that starts a worker

	master   masterState
	sources  map[source]*origin // actors of the present term that have published
	term     termState
	folder   folderState
	fleet    fleetState
	files    *fileTable
	letters  letterList
	counted  messages.Totals
	dispatch messages.Dispatch
	workers  []messages.WorkerStatus
	stalled  []messages.StalledChunk
	history  history

	overview pull // requests what all sources publish
	list     pull // requests the list of workers
	glances  uint64
	alone    time.Time // since when there is no worker, zero while there is one
	own      problems  // problems that show only when all parts are seen together
	all      []messages.Problem
	backEnds []messages.BackEnd // that the master knows of
	logged   loggedProblems
	tick     alarm
}

// origin is one actor that publishes.
type origin struct {
	pid      *actor.PID
	problems []messages.Problem
}

// source names an actor that publishes.
type source uint8

const (
	sourceTerm source = iota
	sourceIntake
	sourceFleet
	sourceDispatcher
)

var sourceNames = [...]string{"term", "intake", "fleet", "dispatcher"}

// String returns the actor's name.
func (s source) String() string { return sourceNames[s] }

type (
	// masterState is what the master publishes: its role, and the problems that outlive a
	// term.
	masterState struct {
		role     string // "leader" while there is a term
		why      string // why no question is answered, empty when it is
		term     messages.Term
		leader   messages.Leader
		problems []messages.Problem
	}
	// seen is what an actor of a term publishes of itself: its problems, and its
	// part of the overview.
	published struct {
		source   source
		term     messages.Term
		from     *actor.PID
		glance   uint64 // number of the last glance that it received
		problems []messages.Problem
		body     any // *termState, *folderState, *fleetState or *fileChanges
	}
	// termState is the part of the term actor.
	termState struct{ ignored uint64 } // worker messages that were dropped
	// folderState is the part of intake. listed is -1 until the folder has been listed.
	folderState struct {
		settling, listed int
		settlingBytes    int64
	}
	// fleetState is the part of the fleet.
	fleetState struct {
		counts  messages.WorkerCounts
		dropped uint64
	}
	// fileChanges is the part of the dispatcher: what changed since it last published.
	fileChanges struct {
		changed   []*messages.FileStatus
		forgotten []messages.FileID
		letters   []*messages.Letter // new dead chunks, and such that changed
		settled   []messages.ChunkID // chunks that are not dead any more, or were discarded
		counted   messages.Totals
		// readySince is since when the oldest of the ready chunks waits, zero without any.
		readySince time.Time
		dispatch   messages.Dispatch
		stalled    []messages.StalledChunk // the longest ones without progress
	}
	// glance asks a source to publish now. Numbers rise.
	glance struct{ number uint64 }
	// workerList is the answer to askWorkers.
	workerList struct {
		term messages.Term
		list []messages.WorkerStatus
	}
)

// Why no question is answered.
const (
	whyStarting = "the master is starting: the state store has not answered yet"
	whyOpening  = "the master is starting: Kafka or the state store is not ready yet"
	whyStopping = "the master is stopping"
)

const (
	// viewEvery is the shortest pause between two states that an actor publishes, and the
	// greatest age of a shared answer.
	viewEvery = 500 * time.Millisecond
	// aloneFor is how long a leader waits for a worker before that is a problem. Just after
	// a start, workers are still announcing themselves.
	aloneFor = 3 * time.Second
	// stuckAfter is how long an actor may leave a glance unanswered before that is a
	// problem. Nothing that it does takes as long.
	stuckAfter = 10 * time.Second
	// maxWaiting bounds the questions that wait for one pull.
	maxWaiting = 1000
)

func newView(log *slog.Logger, workerCommand string) actor.Actor {
	return &view{
		log: log, workerCommand: workerCommand, sources: map[source]*origin{}, files: newFileTable(),
		master: masterState{role: "starting", why: whyStarting}, folder: folderState{listed: -1}, own: problems{}, logged: loggedProblems{},
		history: newHistory(),
	}
}

// Receive implements actor.Actor.
func (v *view) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		v.tick.set(ctx, time.Second)
	case *actor.Stopping:
		v.tick.stop()
	case *masterState:
		v.onMasterState(ctx, m)
	case *published:
		v.onSeen(ctx, m)
	case *workerList:
		if m.term == v.master.term {
			v.workers = m.list
			v.answer(ctx, &v.list)
		}
	case *ask:
		v.onAsk(ctx, inquiry{query: m.query, from: ctx.Sender()})
	case *rang:
		if v.tick.rings(m) {
			v.onTick(ctx)
		}
	default:
		unknown(ctx)
	}
}

// onTick looks at what may have become a problem, and adds a sample to the history. It asks
// nobody for that: an actor whose state changed has published it.
func (v *view) onTick(ctx actor.Context) {
	v.tick.set(ctx, time.Second)
	v.updateProblems()
	v.reportBackEnds(ctx)
	if v.role() == "leader" {
		v.history.add(sample{
			counted: v.counted, totals: v.files.totals, working: v.files.working(), paused: v.dispatch.At(time.Now()).Paused,
			settlingBytes: v.folder.settlingBytes, busy: v.fleet.counts.In(messages.WorkerBusy),
		}, time.Now())
	}
}

// equal reports whether both states are the same to whoever reads them.
func (s masterState) equal(x masterState) bool {
	return s.role == x.role && s.term == x.term && s.leader == x.leader && reflect.DeepEqual(s.problems, x.problems)
}

// onMasterState takes over the master's role. A new term begins with nothing known, and the
// questions that wait are asked again.
func (v *view) onMasterState(ctx actor.Context, m *masterState) {
	former := v.master
	v.master = *m
	if former.term == m.term && former.role == m.role {
		v.updateProblems()
		return
	}
	if m.role == "standby" && m.leader != (messages.Leader{}) {
		v.files.resign()
	}
	clear(v.sources)
	v.term, v.folder, v.fleet, v.workers, v.alone = termState{}, folderState{listed: -1}, fleetState{}, nil, time.Time{}
	v.counted, v.dispatch, v.stalled = messages.Totals{}, messages.Dispatch{}, nil
	v.history.beginTerm()
	v.files.beginTerm()
	v.letters = nil
	v.updateProblems()
	waiting := slices.Concat(v.overview.end(), v.list.end())
	v.overview, v.list = pull{}, pull{}
	for _, q := range waiting {
		v.onAsk(ctx, q)
	}
}

func (v *view) onSeen(ctx actor.Context, m *published) {
	if v.master.role != "leader" || m.term != v.master.term {
		return // its term is over
	}
	v.sources[m.source] = &origin{pid: m.from, problems: m.problems}
	switch b := m.body.(type) {
	case *termState:
		v.term = *b
	case *folderState:
		v.folder = *b
	case *fleetState:
		v.fleet = *b
	case *fileChanges:
		v.onFileChanges(b, time.Now())
	}
	complete := v.overview.answered(m.source, m.glance)
	v.updateProblems()
	if complete {
		v.answer(ctx, &v.overview)
	}
}

// onFileChanges takes over what the dispatcher publishes, with the forecast of each file.
func (v *view) onFileChanges(b *fileChanges, now time.Time) {
	v.counted, v.dispatch, v.stalled = b.counted, b.dispatch, b.stalled
	v.history.readySince = b.readySince
	marked := *b
	marked.changed = v.history.meter.Annotate(b.changed)
	v.files.apply(&marked, now)
	v.letters.apply(b)
}

// role returns the role of this master as others see it.
func (v *view) role() string {
	if v.master.role == "leader" && len(v.sources) < len(sourceNames) {
		return "starting"
	}
	return v.master.role
}

func (v *view) onAsk(ctx actor.Context, q inquiry) {
	role := v.role()
	switch q.query.(type) {
	case messages.QueryHealth:
		v.request(ctx, inquiry{}, &v.overview)
		ctx.Send(q.from, v.state())
		return
	case messages.QueryOverview:
		if role != "leader" {
			ctx.Send(q.from, v.state())
			return
		}
	}
	switch role {
	case "leader":
		if _, ok := q.query.(messages.QuerySeries); ok {
			v.reply(ctx, q) // the present does not matter to it
			return
		}
		v.request(ctx, q, v.pullFor(q.query))
	case "standby":
		ctx.Send(q.from, &messages.NotLeader{Leader: v.master.leader})
	default:
		why := v.master.why
		if why == "" {
			why = whyOpening
		}
		ctx.Send(q.from, unavailable(why))
	}
}

func (v *view) pullFor(q messages.Query) *pull {
	if _, ok := q.(messages.QueryWorkers); ok {
		return &v.list
	}
	return &v.overview
}

// request answers a question from the last pull when it is young enough, otherwise after
// the next one. A question without an asker only keeps the pulls going.
func (v *view) request(ctx actor.Context, q inquiry, p *pull) {
	if v.role() != "leader" {
		return
	}
	now := time.Now()
	if !q.fresh() && !p.at.IsZero() && now.Sub(p.at) < viewEvery {
		if q.from != nil {
			v.reply(ctx, q)
		}
		return
	}
	if q.from != nil && !p.wait(q) {
		ctx.Send(q.from, unavailable("too many questions are open"))
		return
	}
	if p.began.IsZero() {
		v.start(ctx, p)
	}
}

// start asks all actors that have a part in the answer.
func (v *view) start(ctx actor.Context, p *pull) {
	v.glances++
	p.start(time.Now(), v.glances)
	if p == &v.list {
		ctx.Request(v.sources[sourceFleet].pid, &askWorkers{})
		return
	}
	for s := range source(len(sourceNames)) {
		p.missing[s] = true
		ctx.Send(v.sources[s].pid, &glance{number: v.glances})
	}
}

// answer finishes a pull, and starts the next one when questions wait for it.
func (v *view) answer(ctx actor.Context, p *pull) {
	ready := p.finish(time.Now())
	for _, q := range ready {
		v.reply(ctx, q)
	}
	if len(p.waiting) > 0 {
		v.start(ctx, p)
	}
}

func (v *view) reply(ctx actor.Context, q inquiry) {
	switch x := q.query.(type) {
	case messages.QueryWorkers:
		ctx.Send(q.from, v.shownWorkers(time.Now()))
	case messages.QueryOverview:
		ctx.Send(q.from, v.state())
	case messages.QueryFiles:
		ctx.Send(q.from, v.files.all())
	case messages.QueryFile:
		ctx.Send(q.from, v.files.find(x.ID))
	case messages.QueryLetters:
		ctx.Send(q.from, []*messages.Letter(v.letters))
	case messages.QuerySeries:
		ctx.Send(q.from, v.history.series.Read(x.Window, time.Now()))
	}
}

// state returns the overview as it is known now.
func (v *view) state() messages.Overview {
	o := messages.Overview{
		Role: v.role(), Term: v.master.term.Number, Leader: v.master.leader, Listed: -1, Problems: v.all,
	}
	if o.Role == "leader" {
		o.Files, o.Working, o.Ended, o.EndedCount = v.files.totals, v.files.working(), v.files.ended, v.files.endings
		o.Settling, o.Listed, o.Ignored = v.folder.settling, v.folder.listed, v.term.ignored+v.fleet.dropped
		o.Workers, o.Counted, o.Dispatch = v.fleet.counts, v.counted, v.dispatch.At(time.Now())
		o.Forecast, o.OldestReady = v.history.meter.Forecast(), v.history.oldestReady(time.Now())
	}
	return o
}
