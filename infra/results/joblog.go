package results

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"kafka-master/messages"
)

// job is one row of a job log. A file may have some hundred thousand, so it is small.
type job struct {
	started, ended int64 // milliseconds since 1970
	input, output  int64
	seq            int
	worker, exit   int32  // the worker is one of jobs.workers
	name           [2]int // its begin and end in jobs.names
}

// jobs are the rows of a job log.
type jobs struct {
	rows    []job
	workers []string
	known   map[string]int32 // of workers
	names   []byte           // one behind the other
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
	all := jobs{known: map[string]int32{}}
	var damaged error
	for _, name := range names {
		_, err := ReadManifest(root, name, 0, func(at At, l Line, damage error) error {
			if damage != nil {
				damaged = fmt.Errorf("line %d of %s: %w", at.Number, at.Manifest, damage)
				return nil
			}
			all.add(l)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(all.write(w), damaged)
}

// add adds the row of a result.
func (j *jobs) add(l Line) {
	worker, ok := j.known[l.Worker]
	if !ok {
		worker = int32(len(j.workers))
		j.known[l.Worker] = worker
		j.workers = append(j.workers, messages.Clean(l.Worker, messages.MaxWorkerID))
	}
	begin := len(j.names)
	j.names = append(j.names, messages.Clean(l.BatchID, messages.MaxBatchID)...)
	started, _ := ParseTime(l.Started) // the zero time stands for one that cannot be read
	ended, _ := ParseTime(l.Ended)
	row := job{started: started.UnixMilli(), ended: ended.UnixMilli(), input: l.Length, output: l.Bytes, seq: l.Index + 1, worker: worker, name: [2]int{begin, len(j.names)}}
	if l.Exit != nil {
		row.exit = int32(*l.Exit)
	}
	j.rows = append(j.rows, row)
}

// write writes the rows in the order in which they ended, below a heading.
func (j *jobs) write(w io.Writer) error {
	slices.SortStableFunc(j.rows, func(a, b job) int { return cmp.Or(cmp.Compare(a.ended, b.ended), cmp.Compare(a.seq, b.seq)) })
	if _, err := fmt.Fprintln(w, "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"); err != nil {
		return err
	}
	for _, r := range j.rows {
		_, err := fmt.Fprintf(w, "%d\t%s\t%.3f\t%10.3f\t%d\t%d\t%d\t0\t%s\n", r.seq, j.workers[r.worker], float64(r.started)/1000,
			float64(r.ended-r.started)/1000, r.input, r.output, r.exit, j.names[r.name[0]:r.name[1]])
		if err != nil {
			return err
		}
	}
	return nil
}
