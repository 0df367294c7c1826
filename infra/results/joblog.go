package results

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"kafka-master/messages"
)

// job is one row of a job log.
type job struct {
	seq, exit      int
	worker, name   string
	started, ended time.Time
	input, output  int64
}

// WriteJoblog writes a table of the results in a folder with the columns of the job log of
// GNU parallel, in the order in which they ended. Damaged lines are an error, after all
// others were written.
func WriteJoblog(root fs.FS, folder string, w io.Writer) error {
	names, err := Manifests(root, folder)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: there is no manifest in %s", ErrNoResults, folder)
	}
	var jobs []job
	var damaged error
	for _, name := range names {
		_, err := ReadManifest(root, name, 0, func(at At, l Line, damage error) error {
			if damage != nil {
				damaged = fmt.Errorf("line %d of %s: %w", at.Number, at.Manifest, damage)
				return nil
			}
			jobs = append(jobs, newJob(l))
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Or(a.ended.Compare(b.ended), cmp.Compare(a.seq, b.seq)) })
	if _, err := fmt.Fprintln(w, "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"); err != nil {
		return err
	}
	for _, j := range jobs {
		_, err := fmt.Fprintf(w, "%d\t%s\t%.3f\t%10.3f\t%d\t%d\t%d\t0\t%s\n", j.seq, j.worker, float64(j.started.UnixMilli())/1000,
			j.ended.Sub(j.started).Seconds(), j.input, j.output, j.exit, j.name)
		if err != nil {
			return err
		}
	}
	return damaged
}

func newJob(l Line) job {
	j := job{seq: l.Index + 1, worker: messages.Clean(l.Worker, messages.MaxWorkerID), name: messages.Clean(l.BatchID, messages.MaxBatchID), input: l.Length, output: l.Bytes}
	j.started, _ = ParseTime(l.Started) // the zero time stands for one that cannot be read
	j.ended, _ = ParseTime(l.Ended)
	if l.Exit != nil {
		j.exit = *l.Exit
	}
	return j
}
