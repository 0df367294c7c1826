package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/httpapi"
	"kafka-master/infra/results"
	"kafka-master/messages"
)

// joblog is the command that prints the job log of a file.
func (c command) joblog() *cobra.Command {
	var j jobLog
	cmd := c.verb(verb{
		use: "joblog FILE", short: "Print who did which chunk of a file when, with the columns of GNU parallel's job log",
		long: `Prints one row for each result that was written, in the order in which they ended, from
the manifests that the workers left beside the results of the file. The columns are those
of the job log of GNU parallel: Send is the number of bytes of the input, Receive that of
the result, Host the worker, and Command the batch id.

The manifests are read in RESULTS_DIR, which needs neither a master nor a state. If they are
not there, or with --api, a master is asked for the job log.`,
		example: "  kafka-master joblog ips.txt | awk '$7 != 0'\n  kafka-master joblog ips.txt -o table --watch",
		args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || j.generation < 0 {
				return fmt.Errorf("%w: give one FILE, and a generation of 1 or more", errUsage)
			}
			return nil
		},
		complete: completeFiles,
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&j.dir, "results", "", "folder of the results (default RESULTS_DIR)")
			f.IntVar(&j.generation, "generation", 0, "version of the file (default the newest with results)")
		},
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			return j.page(ctx, r, strings.TrimPrefix(filepath.ToSlash(args[0]), "./"))
		},
	})
	output := cmd.Flags().Lookup("output")
	output.DefValue = "tsv" // the form of GNU parallel
	_ = output.Value.Set(output.DefValue)
	return cmd
}

// jobLog is the command joblog while it runs.
type jobLog struct {
	dir        string
	generation int
}

// page reads the job log. Of one with damaged lines the others are printed, before the error.
func (j jobLog) page(ctx context.Context, r *remote, path string) (page, error) {
	log, err := j.read(ctx, r, path)
	if err != nil && !errors.Is(err, results.ErrDamaged) {
		return page{}, err
	}
	p := page{raw: log}
	if r.output != "tsv" {
		var wrong error
		if p, wrong = jobPage(log); wrong != nil {
			return page{}, wrong
		}
	}
	if err != nil && r.every == 0 {
		err = errors.Join(r.write(p, time.Time{}), err)
	}
	return p, err
}

// read returns the text of the job log: of the manifests that are here, or of a master.
func (j jobLog) read(ctx context.Context, r *remote, path string) ([]byte, error) {
	if r.api != "" && j.dir == "" {
		return j.ask(ctx, r, path)
	}
	text, err := j.readHere(r, path)
	if err == nil || j.dir != "" || errors.Is(err, results.ErrDamaged) {
		return text, err
	}
	text, asked := j.ask(ctx, r, path)
	if asked != nil {
		return nil, fmt.Errorf("%w; and %v", err, asked) // what is not here is the error
	}
	return text, nil
}

func (j jobLog) readHere(r *remote, path string) ([]byte, error) {
	dir := j.dir
	if dir == "" {
		dir = r.settings.ResultsDir
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the results: %w", err)
	}
	defer root.Close()
	generation := j.generation
	if generation == 0 {
		generation = newestGeneration(root, path)
	}
	var text bytes.Buffer
	err = results.WriteJoblog(root.FS(), messages.GenerationFolder(path, generation), &text)
	return text.Bytes(), err
}

// ask downloads the job log from a master.
func (j jobLog) ask(ctx context.Context, r *remote, path string) ([]byte, error) {
	f, err := r.findVersion(ctx, path, j.generation)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	t := r.client.transfer(fmt.Sprintf("/api/v1/files/%d/%s", f.ID, httpapi.DownloadJoblog), "", func(int64) {})
	err = t.copyTo(ctx, &text)
	return text.Bytes(), err
}

// jobAnswer is a row of a job log, as -o json prints it.
type jobAnswer struct {
	Seq     int     `json:"seq"`
	Host    string  `json:"host"`
	Start   float64 `json:"start_time"` // seconds since 1970
	Runtime float64 `json:"job_runtime_s"`
	Send    int64   `json:"send"`
	Receive int64   `json:"receive"`
	Exit    int     `json:"exit_value"`
	Signal  int     `json:"signal"`
	Command string  `json:"command"`
}

// jobPage returns a job log as a table for people and as JSON.
func jobPage(log []byte) (page, error) {
	p := page{head: []string{"SEQ", "WORKER", "STARTED", "TOOK", "SENT", "RECEIVED", "EXIT", "CHUNK"}}
	all := []jobAnswer{}
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Scan() // the heading
	for lines.Scan() {
		j, err := parseJob(lines.Text())
		if err != nil {
			return page{}, err
		}
		all = append(all, j)
		exit := cell{text: strconv.Itoa(j.Exit)}
		if j.Exit != 0 {
			exit.tone = badTone
		}
		p.rows = append(p.rows, []cell{
			{text: strconv.Itoa(j.Seq)}, text(j.Host), {text: time.UnixMilli(int64(j.Start * 1000)).Format(time.DateTime)},
			{text: fmt.Sprintf("%.3f s", j.Runtime)}, {text: humanize.Bytes(uint64(max(0, j.Send)))}, {text: humanize.Bytes(uint64(max(0, j.Receive)))}, exit, text(j.Command),
		})
	}
	p.answer = map[string]any{"total": len(all), "jobs": all}
	if len(all) == 0 {
		p.notes = []string{"No chunk of this file has left a result yet."}
	}
	return p, lines.Err()
}

// parseJob reads a row of a job log.
func parseJob(line string) (j jobAnswer, err error) {
	columns := strings.Split(line, "\t")
	if len(columns) != 9 {
		return j, fmt.Errorf("a row of the job log has %d columns", len(columns))
	}
	j.Host, j.Command = columns[1], columns[8]
	for i, to := range map[int]any{0: &j.Seq, 2: &j.Start, 3: &j.Runtime, 4: &j.Send, 5: &j.Receive, 6: &j.Exit, 7: &j.Signal} {
		if _, err := fmt.Sscan(columns[i], to); err != nil {
			return j, fmt.Errorf("a row of the job log: column %d: %w", i+1, err)
		}
	}
	return j, nil
}

// newestGeneration returns the newest version of a file that has a folder, 1 without any.
func newestGeneration(root *os.Root, path string) int {
	newest := 1
	d, err := root.Open(".")
	if err != nil {
		return newest
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // those that could be read
	for _, name := range names {
		number, ok := strings.CutPrefix(name, messages.ResultFolder(path)+"@")
		if n, err := strconv.Atoi(number); ok && err == nil && n > newest && messages.GenerationFolder(path, n) == name {
			newest = n
		}
	}
	return newest
}
