package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// peak is what a process held when its resident size was the largest.
type peak struct {
	size  uint64
	parts bytes.Buffer // what the system and the runtime say of it
	heap  bytes.Buffer // a profile of the heap, as of the last garbage collection
}

const (
	// peakEvery is how often the resident size is looked at.
	peakEvery = 50 * time.Millisecond
	// peakStep is by how much it has to grow before what is held is noted again.
	peakStep = 1 << 20
)

// watch notes the peak until ctx ends.
func (p *peak) watch(ctx context.Context) error {
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := p.look(); err != nil {
				return fmt.Errorf("look at the memory: %w", err)
			}
		}
	}
}

// look notes what is held now, if that is more than ever before.
func (p *peak) look() error {
	self, err := procfs.Self()
	if err != nil {
		return err
	}
	status, err := self.NewStatus()
	if err != nil || status.VmRSS < p.size+peakStep {
		return err
	}
	p.size = status.VmRSS
	p.parts.Reset()
	p.part("resident", status.VmRSS)
	p.part("resident, anonymous", status.RssAnon)
	p.part("resident, of files", status.RssFile)
	for _, s := range memoryOfRuntime() {
		p.part(s.Name, s.Value.Uint64())
	}
	p.heap.Reset()
	return pprof.Lookup("heap").WriteTo(&p.heap, 0)
}

func (p *peak) part(name string, size uint64) {
	fmt.Fprintf(&p.parts, "%7.1f MB %s\n", float64(size)/1e6, name)
}

// memoryOfRuntime returns what the runtime uses memory for, the most first.
func memoryOfRuntime() (all []metrics.Sample) {
	for _, d := range metrics.All() {
		if d.Kind == metrics.KindUint64 && strings.HasSuffix(d.Name, ":bytes") && !strings.Contains(d.Name, "cumulative") && !d.Cumulative {
			all = append(all, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(all)
	slices.SortFunc(all, func(a, b metrics.Sample) int { return cmp.Compare(b.Value.Uint64(), a.Value.Uint64()) })
	return all
}

// write writes it into two files.
func (p *peak) write(create func(kind string) (*os.File, error)) error {
	for kind, content := range map[string]*bytes.Buffer{"peak": &p.heap, "peak.txt": &p.parts} {
		f, err := create(kind)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := content.WriteTo(f); err != nil {
			return err
		}
	}
	return nil
}
