package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"kafka-master/generate"
)

// smallCommand measures many small files, and what they cost when all of them are done.
const smallCommand = "small-files"

// smallFiles are the flags of the measurement.
type smallFiles struct {
	files, lines int
	results      bool
	idle         time.Duration
}

func measureSmallFiles(ctx context.Context, args []string) (err error) {
	var x smallFiles
	flags := flag.NewFlagSet(smallCommand, flag.ContinueOnError)
	flags.IntVar(&x.files, "files", 20_000, "how many files")
	flags.IntVar(&x.lines, "lines", 20, "lines of each file")
	flags.BoolVar(&x.results, "results", false, "the workers write results, as the embedded ones do")
	flags.DurationVar(&x.idle, "idle", 30*time.Second, "how long the master is measured when all files are done")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	s := scenario{
		name: smallCommand, chunks: x.files, workers: 4, processes: 4, partitions: 15, prefetch: shipped,
		batch: max(batchSize, x.lines), results: x.results,
	}
	st := &stage{scenario: s}
	defer func() { err = errors.Join(err, st.close()) }()
	if err := st.start(ctx, "", "", func() error { return x.write(st.dir) }); err != nil {
		return err
	}
	return st.small(ctx, x)
}

// incomingName is the folder that becomes the input folder when everything runs.
const incomingName = "incoming"

// write writes the files.
func (x smallFiles) write(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, incomingName), 0o755); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	for i := range x.files {
		f, err := os.Create(filepath.Join(dir, incomingName, fmt.Sprintf("addresses-%06d.txt", i)))
		if err != nil {
			return fmt.Errorf("make the input: %w", err)
		}
		err = generate.Options{Lines: int64(x.lines), Seed: uint64(i)}.Write(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("make the input: %w", err)
		}
	}
	return nil
}

// small hands all files over at once, waits until they are done, and then measures a master
// that has nothing to do.
func (st *stage) small(ctx context.Context, x smallFiles) error {
	// It replaces the empty folder; os.Rename would refuse that.
	if err := syscall.Rename(filepath.Join(st.dir, incomingName), filepath.Join(st.dir, inputName)); err != nil {
		return fmt.Errorf("hand the input over: %w", err)
	}
	taken, err := st.master.await(ctx, msgTaken)
	if err != nil {
		return err
	}
	st.master.ignoreEvents()
	r := result{Scenario: st.name, Chunks: int64(x.files)}
	if err := st.measure(&r, func() error { return st.master.awaitDone(ctx, x.files) }); err != nil {
		return err
	}
	ended, err := st.master.lastEnd(ctx)
	if err != nil {
		return err
	}
	r.time(ended.Sub(taken.Time))
	_, peak, err := memoryOf(st.master.pid())
	if err != nil {
		return err
	}
	fmt.Printf("%d files of %d lines: %.1f s, %.0f files/s, CPU µs per file m/b/w %.0f / %.0f / %.0f, peak %.0f MB, other %.2f\n",
		x.files, x.lines, r.Seconds, r.ChunkRate, r.MasterCPU, r.BrokerCPU, r.WorkersCPU, float64(peak)/1e6, r.OtherCores)
	(&printer{out: os.Stdout}).counts(r)
	return st.idleAfter(x.idle)
}

// idleAfter measures a master that has nothing to do.
func (st *stage) idleAfter(idle time.Duration) error {
	share, before, after, err := st.master.rest(idle)
	if err != nil {
		return err
	}
	resident, peak, err := memoryOf(st.master.pid())
	if err != nil {
		return err
	}
	fmt.Printf("  then idle: %.2f %% of a core, %.0f MB resident, peak %.0f MB, %.1f MB allocated per second\n",
		share, float64(resident)/1e6, float64(peak)/1e6, float64(after.AllocBytes-before.AllocBytes)/1e6/idle.Seconds())
	return nil
}

// ignoreEvents drops the lines of the log from now on.
func (m *master) ignoreEvents() {
	go func() {
		for {
			select {
			case <-m.events:
			case <-m.ended:
				return
			}
		}
	}()
}

// awaitDone waits until n files are done.
func (m *master) awaitDone(ctx context.Context, n int) error {
	for {
		var overview struct{ Files map[string]int }
		if err := m.read(ctx, "/api/v1/overview", &overview); err != nil {
			return err
		}
		if overview.Files["done"] == n {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-m.ended:
			return fmt.Errorf("the master ended: %w", m.err)
		case <-ctx.Done():
			return fmt.Errorf("wait for %d files, they are %v: %w", n, overview.Files, ctx.Err())
		}
	}
}

// lastEnd returns when the last of the newest files ended.
func (m *master) lastEnd(ctx context.Context) (last time.Time, err error) {
	var list struct {
		Files []struct {
			EndedAt time.Time `json:"ended_at"`
		}
	}
	err = m.read(ctx, "/api/v1/files", &list)
	for _, f := range list.Files {
		if f.EndedAt.After(last) {
			last = f.EndedAt
		}
	}
	return last, err
}

// read calls the API and decodes the answer.
func (m *master) read(ctx context.Context, path string, to any) error {
	body, err := m.get(ctx, path)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
