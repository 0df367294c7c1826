//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// host owns servers as a test does, so that what starts them for a test starts them
// for this command too. It implements what those functions call of a testing.TB; the
// embedded interface is nil.
type host struct {
	testing.TB
	dir      string
	folders  int
	cleanups []func()
}

func newHost(dir string) *host {
	testing.Init() // testing.Short needs the flags
	_ = flag.CommandLine.Parse(nil)
	return &host{dir: dir}
}

// end stops the servers, the last one first.
func (h *host) end() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
}

// Helper implements testing.TB.
func (h *host) Helper() {}

// Cleanup implements testing.TB.
func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

// TempDir implements testing.TB. The folder is removed with the host's.
func (h *host) TempDir() string {
	h.folders++
	dir := filepath.Join(h.dir, strconv.Itoa(h.folders))
	if err := os.Mkdir(dir, 0o755); err != nil {
		h.Fatal(err)
	}
	return dir
}

// Errorf implements testing.TB.
func (h *host) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// FailNow implements testing.TB.
func (h *host) FailNow() {
	h.end()
	os.RemoveAll(h.dir)
	os.Exit(1)
}

// Fatal implements testing.TB.
func (h *host) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	h.FailNow()
}
