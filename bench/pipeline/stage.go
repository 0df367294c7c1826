package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kafka-master/generate"
)

// The input folder and the file in it.
const (
	inputName = "input"
	fileName  = "addresses.txt"
)

// stage is a scenario with everything that it needs running.
type stage struct {
	scenario
	dir    string
	prefix string // of its topics
	broker *broker
	master *master
	team   *team
	meter  meter
	end    []func() error // what was started first is ended last
}

// runScenario measures one scenario from an empty state.
func runScenario(ctx context.Context, s scenario, binary, dir string) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	st := &stage{scenario: s}
	defer func() { err = errors.Join(err, st.close()) }()
	if err := st.start(ctx, binary, dir, st.writeFile); err != nil {
		return r, err
	}
	return st.run(ctx)
}

func (st *stage) onClose(f func() error) { st.end = append(st.end, f) }

func (st *stage) close() error {
	var all error
	for _, end := range slices.Backward(st.end) {
		all = errors.Join(all, end())
	}
	return all
}

// writeFile writes the file beside the input folder.
func (st *stage) writeFile() error {
	f, err := os.Create(filepath.Join(st.dir, fileName))
	if err != nil {
		return fmt.Errorf("make the input: %w", err)
	}
	return errors.Join(generate.Options{Lines: int64(st.chunks) * int64(st.lines()), Seed: 1}.Write(f), f.Sync(), f.Close())
}

// startServers starts broker and master in a folder of their own below dir.
func (st *stage) startServers(binary, dir string) (err error) {
	st.prefix = fmt.Sprintf("bench-%d-", time.Now().UnixMilli())
	if st.dir, err = os.MkdirTemp(dir, "kafka-master-"+st.name+"-"); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	st.onClose(func() error { return os.RemoveAll(st.dir) })
	if err := os.Mkdir(filepath.Join(st.dir, inputName), 0o755); err != nil {
		return fmt.Errorf("make the input folder: %w", err)
	}
	if st.broker, err = startBroker(st.dir, st.inside); err != nil {
		return err
	}
	st.onClose(st.broker.stop)
	if st.master, err = startMaster(binary, st.dir, st.scenario, st.broker, st.prefix); err != nil {
		return err
	}
	st.onClose(st.master.stop)
	return nil
}

// start starts broker, master and workers, writes the input, and waits until all are ready.
func (st *stage) start(ctx context.Context, binary, dir string, write func() error) (err error) {
	release, err := claimRedis(ctx)
	if err != nil {
		return err
	}
	st.onClose(release)
	if err := st.startServers(binary, dir); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	if st.team, err = startTeam(st.scenario, st.dir, st.broker.addrs, st.prefix); err != nil {
		return err
	}
	st.onClose(st.team.stop)
	st.meter = meter{master: st.master.pid(), broker: st.broker.pid, workers: st.team.pids()}
	if st.meter.state, err = pidOf("BENCH_REDIS_PID"); err != nil {
		return err
	}
	return st.master.awaitWorkers(ctx, st.workers)
}

// run gives the file to the master and looks at what came of it.
func (st *stage) run(ctx context.Context) (r result, err error) {
	r = result{
		Scenario: st.name, Workers: st.workers, Prefetch: st.prefetch, WorkMS: st.work.Milliseconds(),
		Broker: st.broker.kind, State: stateKind(), Chunks: int64(st.chunks), Items: int64(st.chunks) * int64(st.lines()), Runs: 1,
	}
	ended, err := st.timed(ctx, &r)
	if err != nil {
		return r, err
	}
	if _, r.MasterPeak, err = memoryOf(st.master.pid()); err != nil {
		return r, err
	}
	if err := st.team.stop(); err != nil {
		return r, err
	}
	diaries, err := st.team.diaries()
	if err != nil {
		return r, err
	}
	r.gaps(diaries)
	return r, r.check(ended, diaries)
}

// timed is the part that is timed: from the line of the log that says that the
// file was taken to the one that says that it ended.
func (st *stage) timed(ctx context.Context, r *result) (ended event, err error) {
	info, err := os.Stat(filepath.Join(st.dir, fileName))
	if err != nil {
		return ended, fmt.Errorf("look at the input: %w", err)
	}
	r.Bytes = info.Size()
	if err := os.Rename(filepath.Join(st.dir, fileName), filepath.Join(st.dir, inputName, fileName)); err != nil {
		return ended, fmt.Errorf("hand the input over: %w", err)
	}
	taken, err := st.master.await(ctx, msgTaken)
	if err != nil {
		return ended, err
	}
	if err := st.measure(r, func() (err error) { ended, err = st.master.await(ctx, msgEnded); return err }); err != nil {
		return ended, err
	}
	r.time(ended.Time.Sub(taken.Time))
	return ended, nil
}
