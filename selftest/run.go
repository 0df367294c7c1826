package selftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kafka-master/generate"
	"kafka-master/messages"
)

// Wire is the Kafka that the deployment uses.
type Wire interface {
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	Offsets(ctx context.Context, topic string) (start, end []int64, err error)
}

// API is the master as the self-test asks it.
type API interface {
	// Ended returns how many files have ended, and what is wrong. An error means that no
	// master answers.
	Ended(ctx context.Context) (files int, problems []string, err error)
	SetBatchSize(ctx context.Context, items int) error
}

// Config configures a run.
type Config struct {
	Dir     string        // of everything; Input and Results are below it
	Seed    uint64        // what happens when
	For     time.Duration // how long there is damage
	Masters [][]string    // command and arguments of each master
	Workers [][]string    // of each worker
	Env     func(name string) []string
	Topics  []string // all topics of the deployment
	Wire    Wire
	API     API
	Out     io.Writer
}

// The folders below Config.Dir.
const (
	InputFolder   = "in"
	ResultsFolder = "results" // a link that leads elsewhere while results cannot be written
	storeFolder   = "store"   // where it leads
	blockedFile   = "blocked" // a file, in which no folder can be made
)

// ErrStuck is the error of a deployment that did not end its work after it was healed.
var ErrStuck = errors.New("the work did not end")

// endLimit is how long the work may take after everything was healed. A chunk that was
// lost with the last leader is taken back within WORKER_TIMEOUT.
const endLimit = 5 * time.Minute

// run is a run in progress.
type run struct {
	Config
	began            time.Time
	masters, workers []*process
	counts           [kinds]int
	files            int
	lines            int64
	linking          sync.Mutex
}

// Run makes a deployment, damages it for a while, heals it, waits until all files have
// ended, and stops everything.
func Run(ctx context.Context, cfg Config) error {
	r := &run{Config: cfg, began: time.Now()}
	if err := r.prepare(); err != nil {
		return err
	}
	defer r.stopAll()
	for _, p := range r.all() {
		if err := p.start(); err != nil {
			return err
		}
	}
	if err := r.await(ctx, startLimit, func() bool { _, _, err := r.API.Ended(ctx); return err == nil }); err != nil {
		return fmt.Errorf("no master answers, see %s: %w", r.Dir, err)
	}
	if err := r.damage(ctx); err != nil {
		return err
	}
	r.heal()
	r.say("healed: %s", r.summary())
	return r.end(ctx)
}

// startLimit is how long a master may take until it answers.
const startLimit = time.Minute

func (r *run) prepare() error {
	for _, name := range []string{InputFolder, storeFolder} {
		if err := os.MkdirAll(filepath.Join(r.Dir, name), 0o700); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.Dir, blockedFile), nil, 0o600); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if err := r.linkResults(storeFolder); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	child := func(kind string, n int, command []string) *process {
		name := fmt.Sprintf("%s-%d", kind, n+1)
		return &process{name: name, command: command, env: r.Env(name), dir: r.Dir, log: filepath.Join(r.Dir, name+".log")}
	}
	for n, command := range r.Masters {
		r.masters = append(r.masters, child("master", n, command))
	}
	for n, command := range r.Config.Workers {
		r.workers = append(r.workers, child("worker", n, command))
	}
	return nil
}

func (r *run) all() []*process { return append(append([]*process{}, r.masters...), r.workers...) }

// linkResults lets the folder of results lead elsewhere, in one step.
func (r *run) linkResults(to string) error {
	r.linking.Lock()
	defer r.linking.Unlock()
	temp := filepath.Join(r.Dir, "."+ResultsFolder)
	if err := os.Symlink(to, temp); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(r.Dir, ResultsFolder))
}

// PoisonLine is a line of the first file, whose every attempt is to fail: in the end it alone
// is dead or failed.
const PoisonLine = "poison"

const (
	tick      = 100 * time.Millisecond
	fileLines = 3000
)

// damage runs the schedule, and keeps the deployment busy meanwhile.
func (r *run) damage(ctx context.Context) error {
	start := time.Now()
	list := schedule(r.Seed, r.For, len(r.workers), len(r.masters))
	for time.Since(start) < r.For {
		if err := r.feed(ctx); err != nil {
			return err
		}
		for len(list) > 0 && time.Since(start) >= list[0].at {
			r.apply(ctx, list[0])
			list = list[1:]
		}
		if err := sleep(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

// feed drops another file when fewer than two are left to do.
func (r *run) feed(ctx context.Context) error {
	ended, _, err := r.API.Ended(ctx)
	if err != nil || r.files-ended >= 2 {
		return ctx.Err()
	}
	r.files++
	r.lines += fileLines
	path := filepath.Join(r.Dir, InputFolder, fmt.Sprintf("part-%03d.txt", r.files))
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return fmt.Errorf("write an input file: %w", err)
	}
	err = generate.Write(f, fileLines, r.Seed+uint64(r.files))
	if r.files == 1 && err == nil {
		r.lines++
		_, err = io.WriteString(f, PoisonLine+"\n")
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("write an input file: %w", err)
	}
	r.say("%s with %d items", filepath.Base(path), fileLines)
	return nil
}

// heal ends all damage.
func (r *run) heal() {
	_ = r.linkResults(storeFolder)
	for _, p := range r.all() {
		thaw(p)
		if err := p.start(); err != nil {
			r.say("%v", err)
		}
	}
}

// end waits until everything has ended.
func (r *run) end(ctx context.Context) error {
	last := ""
	err := r.await(ctx, endLimit, func() bool {
		ended, problems, err := r.API.Ended(ctx)
		switch {
		case err != nil:
			last = err.Error()
		case ended < r.files:
			last = fmt.Sprintf("%d of %d files have not ended; problems: %q", r.files-ended, r.files, problems)
		default:
			return true
		}
		return false
	})
	if errors.Is(err, ErrStuck) {
		return fmt.Errorf("%w within %s after everything was healed: %s", ErrStuck, endLimit, last)
	}
	if err == nil {
		r.say("all %d files with %d items have ended", r.files, r.lines)
	}
	return err
}

// await asks until the answer is yes.
func (r *run) await(ctx context.Context, limit time.Duration, yes func() bool) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if yes() {
			return nil
		}
		if err := sleep(ctx, tick); err != nil {
			return err
		}
	}
	return ErrStuck
}

// stopAll ends the workers first, so that they can say goodbye.
func (r *run) stopAll() {
	for _, list := range [][]*process{r.workers, r.masters} {
		for _, p := range list {
			p.stop()
		}
	}
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Out, "%6.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// summary counts what was done to the deployment.
func (r *run) summary() (text string) {
	for k, n := range r.counts {
		if n > 0 {
			text += fmt.Sprintf("%d x %s, ", n, kind(k))
		}
	}
	return text + fmt.Sprintf("%d files dropped", r.files)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
