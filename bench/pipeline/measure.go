package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// timeLimit bounds one scenario.
const timeLimit = 3 * time.Minute

// options are the flags of a measurement.
type options struct {
	scenarios []scenario
	repeat    int
	patience  time.Duration
	json      bool
	counts    bool
	master    string // binary of the master, empty for this program
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	chunks := flags.Int("chunks", 0, "chunks of each scenario (0: 20000, gap 1000, large 4000)")
	names := flags.String("scenario", "", "comma list of shipped4, strict4, ahead4, ahead8, shipped64, strict64, gap, large, slow-tail (default all)")
	flags.IntVar(&o.repeat, "repeat", 1, "how often all of it is run; the table ends with the medians")
	flags.DurationVar(&o.patience, "patience", 0, "longest wait for a quiet machine before each run")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	flags.StringVar(&o.master, "master", "", "binary of the master, which counts nothing (default: the one of this module)")
	inside := flags.Bool("inside", false, "the embedded broker is in the master's process, as in a deployment, and its CPU time and memory count there")
	flags.BoolVar(&o.counts, "messages", false, "print the messages of the actors by their types, too")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.repeat < 1 || *chunks < 0 {
		return o, fmt.Errorf("wrong usage: %v: flags only, --repeat of at least 1, --chunks of at least 0", args)
	}
	var err error
	if o.master != "" { // it runs in a folder of its own
		if o.master, err = filepath.Abs(o.master); err != nil {
			return o, fmt.Errorf("find the master: %w", err)
		}
	}
	o.scenarios, err = choose(*names, *chunks)
	for i := range o.scenarios {
		o.scenarios[i].inside = *inside
	}
	return o, err
}

// measure runs the scenarios and prints what they gave.
func measure(ctx context.Context, args []string) (err error) {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kafka-master-bench-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	p := &printer{out: os.Stdout, quiet: o.json, kinds: o.counts}
	p.head()
	var all []result
	for range o.repeat {
		for _, s := range o.scenarios {
			if err := awaitQuiet(ctx, o.patience); err != nil {
				return fmt.Errorf("wait for a quiet machine: %w", err)
			}
			r, err := runScenario(ctx, s, o.master, dir)
			if err != nil {
				return fmt.Errorf("scenario %s: %w", s.name, err)
			}
			p.row(r)
			all = append(all, r)
		}
	}
	mid := medians(all)
	if o.json {
		return printJSON(os.Stdout, all, mid)
	}
	p.medians(mid, o.repeat)
	return nil
}

func printJSON(w io.Writer, all, mid []result) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(map[string][]result{"runs": all, "medians": mid}); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	return nil
}
