package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileVariable names a folder in which each process leaves its profiles, for go tool
// pprof: what it used its CPU time for, what it allocated, what was alive at its end, and what
// was alive when its resident size was the largest, with the parts of that size as a text.
const profileVariable = "BENCH_PROFILE"

// profiled does the work of a child, and writes its profiles if that is wanted.
func profiled(name string, work func() error) (err error) {
	dir := os.Getenv(profileVariable)
	if dir == "" {
		return work()
	}
	create := func(kind string) (*os.File, error) {
		return os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.%s", name, os.Getpid(), kind)))
	}
	cpu, err := create("cpu")
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var most peak
	watched := make(chan error)
	go func() { watched <- most.watch(ctx) }()
	defer func() {
		cancel()
		pprof.StopCPUProfile()
		err = errors.Join(err, <-watched, cpu.Close(), most.write(create))
		heap, create := create("heap")
		err = errors.Join(err, create)
		if create == nil {
			err = errors.Join(err, pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close())
		}
	}()
	return work()
}
