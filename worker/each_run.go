package worker

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// eachRun is one chunk at an EachHandler.
type eachRun struct {
	*eachHandler
	chunk    Chunk
	env      []string
	guard    *groupGuard
	outputs  *outputs
	fault    func(error) error // turns an error of writing output into that of the chunk
	progress func(int)
	stop     context.CancelCauseFunc

	mu       sync.Mutex
	done     int
	later    []suspect // items that are run again: they exited with 75, or were killed
	suspects []suspect // items for which the command could not be run
}

// suspect is an item for which the command could not be run, while it is not known
// whether it can be run for others, or one that is run again.
type suspect struct {
	item int
	err  error
}

func (e *eachHandler) newRun(chunk Chunk, out *ResultFile, progress func(int)) *eachRun {
	return &eachRun{
		eachHandler: e, chunk: chunk, env: chunkEnvironment(chunk, e.cfg.Hidden), guard: startGroupGuard(),
		outputs: newOutputs(out, !e.cfg.Unordered, out.EndItem, out.scratch), fault: out.fault, progress: progress,
	}
}

// close ends what the run needs. It may be called twice.
func (r *eachRun) close() {
	r.guard.stop()
	r.guard = nil
	r.outputs.spill.close()
}

// all runs the command for all items. An error means that the chunk is not done.
func (r *eachRun) all(ctx context.Context) error {
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	items := make([]int, len(r.chunk.Items))
	for i := range items {
		items[i] = i
	}
	err := r.pass(ctx, items)
	for _, pause := range r.pauses {
		if err != nil || len(r.later) == 0 {
			break
		}
		if len(r.later) == len(items) && !slices.ContainsFunc(r.later, func(s suspect) bool { return !errors.Is(s.err, ErrRetry) }) {
			return fmt.Errorf("every item exits with 75: %w", ErrRetry)
		}
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
		}
		var again []int
		for _, s := range r.later {
			again = append(again, s.item)
		}
		r.later = nil
		slices.Sort(again)
		err = r.pass(ctx, again)
	}
	if err != nil {
		return err
	}
	for _, s := range r.later {
		r.end(s.item, nil, stillLater{1 + len(r.pauses), s.err})
	}
	return context.Cause(ctx)
}

// stillLater is the error of an item after the last of its runs.
type stillLater struct {
	runs int
	err  error // of the last one
}

// Error implements error.
func (e stillLater) Error() string {
	if exit, ok := errors.AsType[*exec.ExitError](e.err); ok {
		return fmt.Sprintf("%v in %d runs", exit, e.runs)
	}
	return fmt.Sprintf("%v in %d runs", e.err, e.runs)
}

// Unwrap implements the interface of package errors.
func (e stillLater) Unwrap() error { return e.err }

// pass runs the command for some of the items.
func (r *eachRun) pass(ctx context.Context, items []int) error {
	var running sync.WaitGroup
	for _, i := range items {
		if !r.takeSlot(ctx) {
			break
		}
		running.Go(func() {
			defer func() { <-r.slots }()
			r.one(ctx, i)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return r.judgeSuspects()
}

// takeSlot waits for a free slot. It returns false, without one, when ctx has ended.
func (r *eachRun) takeSlot(ctx context.Context) bool {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if ctx.Err() != nil { // both were possible
		<-r.slots
		return false
	}
	return true
}

// one runs the command for item i.
func (r *eachRun) one(ctx context.Context, i int) {
	env := r.env
	if line, known := r.chunk.lineOf(i); known {
		env = append(slices.Clip(env), "KM_LINE="+strconv.FormatInt(line, 10))
	}
	x := r.outputs.begin()
	err := r.runItem(ctx, r.runner(r.guard.guard), r.chunk.Items[i], env, x)
	switch {
	case x.err != nil:
		r.stop(r.fault(x.err))
	case ctx.Err() != nil:
	case r.isMachine(err, r.chunk.Items[i]):
		r.stop(r.unfit(err, r.chunk, r.chunk.Items[i]))
	case r.command.tooLong(err, r.chunk.Items[i]), errors.Is(err, errNUL):
		r.end(i, nil, err)
	case errors.As(err, new(cannotRun)):
		r.doubt(ctx, i, err)
	default:
		item := strings.Clone(r.chunk.Items[i])
		r.good.Store(&item)
		if errors.Is(err, ErrRetry) || wasKilled(err) {
			r.mu.Lock()
			r.later = append(r.later, suspect{i, err})
			r.mu.Unlock()
			return
		}
		r.end(i, x, err)
	}
}

// end ends item i, with its output or with the reason why it failed.
func (r *eachRun) end(i int, x *output, failure error) {
	if failure != nil {
		r.chunk.Fail(i, failure)
		x = nil
	}
	if err := r.outputs.put(i, x); err != nil {
		r.stop(r.fault(err))
		return
	}
	r.mu.Lock()
	r.done++
	done := r.done
	r.mu.Unlock()
	r.progress(done)
}

// doubt decides why the command could not be run for item i, as its exit status says.
func (r *eachRun) doubt(ctx context.Context, i int, err error) {
	good := r.good.Load()
	if good == nil {
		r.mu.Lock()
		r.suspects = append(r.suspects, suspect{i, err})
		many := len(r.suspects) >= maxItemProbes
		r.mu.Unlock()
		if many {
			r.stop(r.unfit(err, r.chunk, r.chunk.Items[i]))
		}
		return
	}
	if r.probe(ctx, r.chunk, *good) != nil && ctx.Err() == nil {
		r.stop(r.unfit(err, r.chunk, r.chunk.Items[i]))
		return
	}
	r.end(i, nil, err)
}

// judgeSuspects lets the suspects fail if the command could be run for another item.
func (r *eachRun) judgeSuspects() error {
	suspects := r.suspects
	r.suspects = nil
	for _, s := range suspects {
		if r.good.Load() == nil {
			return r.unfit(s.err, r.chunk, r.chunk.Items[s.item])
		}
		r.end(s.item, nil, s.err)
	}
	return nil
}
