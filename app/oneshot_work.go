package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"kafka-master/actors"
	"kafka-master/console"
	"kafka-master/messages"
	"kafka-master/worker"
)

// lookEvery is how often a run looks at its progress.
const lookEvery = 200 * time.Millisecond

func (o *oneShot) resultsDir() string { return filepath.Join(o.dir, "results") }

// running is a run while its master and its worker live.
type running struct {
	*oneShot
	n        *node
	progress *progress
	tries    int             // runs of what failed
	drain    func()          // lets the worker end what it runs, and begin nothing more
	kill     func()          // stops what the worker runs
	ended    chan error      // receives the error of the worker, once
	told     map[string]bool // problems that were printed
	list     []messages.File // the files as they were seen last, by name
	open     int             // chunks at workers then
	totals   messages.FileTotals
}

// work starts the parts, waits for the end, and puts the results in place.
func (o *oneShot) work(ctx context.Context, n *node) error {
	boundMemory(n.log)
	for _, open := range []func() error{n.openState, func() error { return n.startBroker(0) }, n.openBus} {
		if err := open(); err != nil {
			return err
		}
	}
	n.parts.Files = o.files
	cfg := n.config()
	if n.instrument != nil {
		n.instrument(&cfg, &n.parts)
	}
	n.sys = actors.Start(cfg, n.parts, n.log)
	r := &running{oneShot: o, n: n, progress: newProgress(o.command, o.quiet), tries: 1, told: map[string]bool{}}
	if err := r.startWorker(ctx); err != nil {
		return err
	}
	err := r.watch(ctx)
	r.progress.clear()
	if err == nil {
		err = r.finish(ctx)
	}
	r.kill()
	r.drain()
	<-r.ended
	stopped, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if stopErr := n.sys.Stop(stopped); stopErr != nil && err == nil {
		n.log.Warn("the master did not stop in time", "err", stopErr)
	}
	return err
}

// startWorker starts the worker, as soon as the topics exist.
func (r *running) startWorker(ctx context.Context) error {
	cfg, err := newWorkerConfig(r.n.s, r.n.brokers, r.n.log)
	if err != nil {
		return err
	}
	cfg.Results, cfg.DrainTimeout = worker.Results{Dir: r.resultsDir()}, maxDrain
	var handler worker.Handler
	if r.exec != "" {
		cfg.Capacity, cfg.Timeout = r.jobs, r.timeout
		handler = worker.ExecHandler(worker.ExecConfig{Command: r.exec, ResultsDir: r.resultsDir(), Logger: r.n.log})
	} else if handler, err = r.each.handler(r.resultsDir(), r.timeout, r.n.log); err != nil {
		return err
	} else {
		cfg.Capacity = 2 // the processes that idle at the end of a chunk work on the next one
	}
	draining, drain := context.WithCancel(context.WithoutCancel(ctx))
	killed, kill := context.WithCancel(context.Background())
	r.drain, r.kill, r.ended = drain, kill, make(chan error, 1)
	go func() {
		r.n.awaitTopics(draining)
		r.ended <- worker.RunMany(draining, cfg, []worker.Member{{ID: "run"}}, until(killed, handler))
	}()
	return nil
}

// maxDrain is how long a process may go on after the run was given up soon.
const maxDrain = 24 * time.Hour

// until returns a handler that is stopped when ctx ends.
func until(ctx context.Context, h worker.Handler) worker.Handler {
	return func(chunk context.Context, c worker.Chunk, progress func(int)) error {
		chunk, cancel := context.WithCancel(chunk)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return h(chunk, c, progress)
	}
}

// watch waits until every item is done, failed or dead, or the run is given up.
func (r *running) watch(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		o, err := r.look()
		if err == nil {
			if done, err := r.judge(ctx, o); done || err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r.interrupted()
		case err := <-r.n.failed:
			return err
		case err := <-r.ended:
			r.ended <- err
			return fmt.Errorf("the worker ended: %w", cmpErr(err))
		case <-r.n.sys.Done():
			return fmt.Errorf("the master failed: %w", cmpErr(r.n.sys.Err()))
		}
	}
}

// cmpErr is an error that is not nil.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("no reason is known")
	}
	return err
}

// look asks for the state of the files.
func (r *running) look() (messages.Overview, error) {
	answer, err := r.n.ask(messages.QueryFiles{Fresh: true})
	files, ok := answer.([]*messages.FileStatus)
	if err != nil || !ok {
		return messages.Overview{}, err
	}
	newest := map[string]*messages.FileStatus{}
	for _, f := range files { // in the order of their ids
		newest[f.Info.Path] = f
	}
	r.list, r.open, r.totals = nil, 0, messages.FileTotals{}
	for _, name := range r.names() {
		if f := newest[name]; f != nil {
			r.list, r.open = append(r.list, *f.File), r.open+f.Running
			r.totals.Add(*f, 1)
		}
	}
	answer, err = r.n.ask(messages.QueryOverview{})
	o, _ := answer.(messages.Overview)
	return o, err
}

// judge decides whether the run is over, and shows how far it is.
func (r *running) judge(ctx context.Context, o messages.Overview) (done bool, err error) {
	if err := r.tell(o.Problems); err != nil {
		return false, err
	}
	all := len(r.list) == len(r.inputs)
	if !all {
		if err := r.missing(ctx); err != nil {
			return false, err
		}
	}
	r.progress.show(r.name(), r.totals, o.Forecast, time.Now())
	if all && !slices.ContainsFunc(r.list, func(f messages.File) bool { return !f.HasEnded() }) {
		return r.retry(ctx)
	}
	if r.stop.reached(r.totals) {
		return true, r.giveUp(ctx)
	}
	return false, nil
}

// missing reports files that were removed before they were taken.
func (r *running) missing(ctx context.Context) error {
	there, err := r.files.List(ctx)
	if err != nil {
		return err
	}
	for _, in := range r.inputs {
		known := slices.ContainsFunc(r.list, func(f messages.File) bool { return f.Info.Path == in.name })
		if !known && !slices.ContainsFunc(there, func(f messages.FileInfo) bool { return f.Path == in.name }) {
			return fmt.Errorf("%s is gone", in.path)
		}
	}
	return nil
}

// tell prints problems. A worker that cannot run its command is the only one, so that the run
// would never end.
func (r *running) tell(problems []messages.Problem) error {
	for _, p := range problems {
		switch p.Kind {
		case messages.ProblemUnfitWorker:
			return fmt.Errorf("the command cannot be run: %s", p.Text)
		case messages.ProblemNoWorkers, messages.ProblemNoFiles, messages.ProblemPaused:
			continue
		}
		if !r.told[p.Text] {
			r.told[p.Text] = true
			r.progress.clear()
			fmt.Fprintf(r.stderr, "problem (%s): %s\n", p.Part, messages.CleanLine(p.Text, 500))
		}
	}
	return nil
}

// name is what the progress is about.
func (r *running) name() string {
	if len(r.inputs) == 1 {
		return r.inputs[0].name
	}
	return console.Count(int64(len(r.inputs)), "file")
}

// retry runs once more what failed, as often as that is wanted. It reports whether nothing is
// left to run.
func (r *running) retry(ctx context.Context) (done bool, err error) {
	if r.exec != "" || r.tries >= r.retries || r.totals.FailedItems+r.totals.DeadItems == 0 {
		return true, nil
	}
	r.tries++
	answer, err := r.n.ask(messages.QueryLetters{Fresh: true})
	if err != nil {
		return false, fmt.Errorf("find the failed items: %w", err)
	}
	accepted := 0
	for letters := answer.([]*messages.Letter); len(letters) > 0; {
		part := letters[:min(len(letters), messages.MaxLetters)]
		answer, err := r.n.sys.Ask(ctx, messages.RetryLetters{Letters: part})
		if err != nil {
			return false, fmt.Errorf("run the failed items again: %w", err)
		}
		changed := answer.(messages.LettersChanged)
		accepted += changed.Accepted
		letters = letters[max(1, changed.Reached):]
	}
	return accepted == 0, nil
}

// giveUp ends a run of which too much failed. What runs is awaited, unless it is to end now.
func (r *running) giveUp(ctx context.Context) error {
	if r.stop.now {
		r.kill()
	}
	r.drain()
	for {
		if _, err := r.look(); err == nil && r.open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return r.interrupted()
		case <-time.After(lookEvery):
		}
	}
}

// interrupted is the error of a run that was stopped.
func (r *running) interrupted() error {
	_, _ = r.look() // the last figures are good enough
	text := fmt.Sprintf("stopped at %s done", console.Count(r.totals.DoneItems, "item"))
	if bad := r.totals.FailedItems + r.totals.DeadItems; bad > 0 {
		text += fmt.Sprintf(" and %d failed or dead", bad)
	}
	if r.state != "" {
		return fmt.Errorf("%s; the same command continues from here", text)
	}
	return fmt.Errorf("%s; no results were written", text)
}
