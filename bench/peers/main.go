// Command peers measures this program beside asynq and NATS JetStream: the same
// input, the same work (take a chunk, count its lines, acknowledge), in turns on one
// machine, and the ratio of each run to the mean of the asynq runs of its repetition.
// It needs Linux, the Go tool and redis-server. It also measures on a real Kafka: one of its
// own if KAFKA_TEST_JARS names the folder of the jars, or the one that BENCH_BROKERS names.
//
//	go run ./bench/peers                          all, 3 repetitions, into bench/results
//	go run ./bench/peers -chunks 500 -repeat 1 -out DIR   short
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"kafka-master/generate"
)

const batchSize = 500

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// measurement is one run of one system.
type measurement struct {
	System     string  `json:"system"`
	Repetition int     `json:"repetition"`
	ChunkRate  float64 `json:"chunks_per_s"`
	Ratio      float64 `json:"ratio"`       // to asynq in the same repetition
	CPU        string  `json:"cpu_us"`      // µs a chunk: master, broker, state, workers
	PeakMB     float64 `json:"peak_mb"`     // of the master
	OtherCores float64 `json:"other_cores"` // used by the rest of the machine meanwhile
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	chunks := flags.Int("chunks", 20_000, "chunks of each run")
	repeat := flags.Int("repeat", 3, "repetitions")
	patience := flags.Duration("patience", 30*time.Second, "longest wait for a quiet machine before a run of ours")
	folder := flags.String("out", "bench/results", "folder for peers.json and peers.svg")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kafka-master-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bed{dir: dir, chunks: *chunks, patience: *patience}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	var stop func()
	if b.kafka, stop, err = b.startKafka(ctx); err != nil {
		return err
	}
	defer stop()
	if err := b.warm(ctx); err != nil {
		return fmt.Errorf("warm Kafka up: %w", err)
	}
	all, err := b.measure(ctx, *repeat, out)
	if err != nil {
		return err
	}
	rate(all)
	rows := summarise(all)
	table(out, rows)
	return write(*folder, all, rows)
}

// measure runs all systems, repeat times.
func (b *bed) measure(ctx context.Context, repeat int, out io.Writer) ([]measurement, error) {
	var all []measurement
	for rep := range repeat {
		for _, s := range b.systems() {
			m, err := s.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			m.System, m.Repetition = s.name, rep+1
			fmt.Fprintf(out, "%d  %-28s %8.0f chunks/s\n", rep+1, s.name, m.ChunkRate)
			all = append(all, m)
		}
	}
	return all, nil
}

// rate fills in the ratios.
func rate(all []measurement) {
	for i := range all {
		sum, n := 0.0, 0
		for _, x := range all {
			if x.Repetition == all[i].Repetition && x.System == anchor {
				sum, n = sum+x.ChunkRate, n+1
			}
		}
		all[i].Ratio = all[i].ChunkRate / (sum / float64(n))
	}
}

// row is what all runs of a system gave.
type row struct {
	system             string
	median, low, high  float64 // chunks/s
	ratio, least, most float64
	cpu                string
	peak               float64
}

func summarise(all []measurement) []row {
	var rows []row
	for i, m := range all {
		if slices.ContainsFunc(all[:i], func(x measurement) bool { return x.System == m.System }) {
			continue
		}
		var rates, ratios []float64
		r := row{system: m.System}
		for _, x := range all {
			if x.System == m.System {
				rates, ratios = append(rates, x.ChunkRate), append(ratios, x.Ratio)
				r.cpu, r.peak = x.CPU, max(r.peak, x.PeakMB)
			}
		}
		slices.Sort(rates)
		slices.Sort(ratios)
		r.median, r.low, r.high = rates[len(rates)/2], rates[0], rates[len(rates)-1]
		r.ratio, r.least, r.most = ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
		rows = append(rows, r)
	}
	return rows
}

func table(out io.Writer, rows []row) {
	fmt.Fprintf(out, "\n| %-28s | chunks/s median (min–max) | ratio to asynq (min–max) | CPU µs/chunk m/b/s/w | peak MB |\n|---|---|---|---|---|\n", "system")
	for _, r := range rows {
		fmt.Fprintf(out, "| %-28s | %.0f (%.0f–%.0f) | %.2f (%.2f–%.2f) | %s | %.0f |\n", r.system, r.median, r.low, r.high, r.ratio, r.least, r.most, r.cpu, r.peak)
	}
}

func write(folder string, all []measurement, rows []row) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "peers.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "peers.svg"), plot(rows), 0o644)
}

func writeInput(path string, chunks int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return generate.Options{Lines: int64(chunks) * batchSize, Seed: 1}.Write(f)
}
