package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// printer writes the table, a row at a time as the results come.
type printer struct {
	out   io.Writer
	quiet bool
	kinds bool // the messages by their types, too
}

const (
	headForm = "%-10s %-8s %-5s %7s %9s %10s %26s %7s %8s %8s %8s %5s %5s %4s\n"
	rowForm  = "%-10s %-8s %-5s %7.2f %9.0f %10.0f %26s %7.1f %8.2f %8.2f %8.2f %5d %5.2f %4d\n"
)

func (p *printer) head() {
	if p.quiet {
		return
	}
	fmt.Fprintf(p.out, headForm, "scenario", "broker", "state", "s", "chunks/s", "items/s", "CPU µs/chunk m/b/s/w", "peak MB",
		"gap p50", "p99 ms", "max", "twice", "other", "runs")
}

func (p *printer) row(r result) {
	if p.quiet {
		return
	}
	cpu := fmt.Sprintf("%.0f / %.0f / %.0f / %.0f", r.MasterCPU, r.BrokerCPU, r.StateCPU, r.WorkersCPU)
	fmt.Fprintf(p.out, rowForm, r.Scenario, r.Broker, r.State, r.Seconds, r.ChunkRate, r.ItemRate, cpu, float64(r.MasterPeak)/1e6,
		r.GapP50, r.GapP99, r.GapMax, r.Repeats, r.OtherCores, r.Runs)
	if r.Messages > 0 {
		p.counts(r)
	}
}

// counts prints what the master did for each chunk.
func (p *printer) counts(r result) {
	pace := ""
	if r.Bytes > 0 {
		pace = fmt.Sprintf("; %.0f MB for each second of its CPU", r.masterPace())
	}
	fmt.Fprintf(p.out, "  per chunk: fetches %.2f, produces %.2f, commits %.2f, fsyncs %.4f, actor messages %.1f, timers %.2f, goroutines %.3f, allocations %.0f of %.1f KB%s\n",
		r.Fetches, r.Produces, r.Commits, r.Syncs, r.Messages, r.Timers, r.Goroutines, r.Allocs, r.AllocBytes/1e3, pace)
	if p.kinds {
		p.messages(r.Kinds)
	}
}

// messages prints the messages of the actors, the most frequent first.
func (p *printer) messages(kinds map[string]float64) {
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		fmt.Fprintf(p.out, "    %6.2f %s\n", kinds[name], name)
	}
}

func (p *printer) medians(mid []result, of int) {
	if p.quiet || of < 2 {
		return
	}
	fmt.Fprintf(p.out, "\nmedians of the runs beside which the rest of the machine used less than %.2f cores, of all %d when there was none\n", quietCores, of)
	p.head()
	for _, r := range mid {
		p.row(r)
	}
}
