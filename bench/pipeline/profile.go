package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileVariable names a folder in which each process leaves its profiles, for go tool
// pprof: what it used its CPU time for, what it allocated, and what was alive at its end.
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
	defer func() {
		pprof.StopCPUProfile()
		heap, create := create("heap")
		err = errors.Join(err, cpu.Close(), create)
		if create == nil {
			err = errors.Join(err, pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close())
		}
	}()
	return work()
}
