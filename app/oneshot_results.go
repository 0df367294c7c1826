package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"kafka-master/console"
	"kafka-master/infra/results"
	"kafka-master/messages"
)

// finish merges the results, puts them in place, and prints the balance.
func (r *running) finish(ctx context.Context) error {
	var errs []error
	for _, in := range r.inputs {
		for _, f := range r.list {
			if f.Info.Path == in.name {
				errs = append(errs, r.take(ctx, in, f))
			}
		}
	}
	errs = append(errs, r.writeJoblog())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.verdict()
}

// take puts the results of one file in place.
func (r *running) take(ctx context.Context, in input, f messages.File) error {
	answer, err := r.n.ask(messages.QueryBooks{ID: f.ID})
	books, ok := answer.(*messages.Books)
	if err != nil || !ok || books == nil {
		return fmt.Errorf("read what was recorded of %s: %w", in.name, cmpErr(err))
	}
	merged := filepath.Join(r.dir, "merged")
	summary, err := results.Merge{
		Books: *books, Dir: r.resultsDir(), Out: merged, Ext: r.ext, Partial: !f.HasEnded() || f.State == messages.FileChanged, Version: build().version,
	}.Run(ctx)
	if err != nil && !(errors.Is(err, results.ErrNoResults) || errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	lists, err := r.place(in, merged, summary)
	if err != nil {
		return err
	}
	r.balance(in, f, lists)
	return nil
}

// place moves the merged files to where they belong. Lists of a former run that this one does
// not have are removed. It returns where they are.
func (r *running) place(in input, merged string, s results.Summary) (where []string, err error) {
	folder, print := r.resultsOf(in)
	if r.out != "" && !print {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return nil, fmt.Errorf("make the folder of the results: %w", err)
		}
	}
	for _, m := range []struct {
		file *results.MergedFile
		end  string
	}{{s.FailedList, failedListEnd}, {s.FailedItems, failedItemsEnd}, {s.Result, "." + r.ext}} {
		source := ""
		if m.file != nil {
			source = filepath.Join(merged, m.file.Name)
		}
		isResult := m.end == "."+r.ext
		switch {
		case print && isResult:
			err = copyTo(r.stdout, source)
		case print && m.end == failedListEnd:
			err = copyTo(r.stderr, source)
		case print:
		default:
			to := filepath.Join(folder, in.name+m.end)
			if source != "" || isResult {
				where = append(where, to)
				err = writeFile(to, func(w io.Writer) error { return copyTo(w, source) })
			} else if e := os.Remove(to); !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
		}
		if err != nil {
			return where, fmt.Errorf("put the results of %s in place: %w", in.name, err)
		}
	}
	return where, nil
}

// copyTo copies a file; without a path there is nothing to copy.
func copyTo(w io.Writer, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// balance prints what became of the items of a file.
func (r *running) balance(in input, f messages.File, where []string) {
	w := r.stderr
	if len(where) > 0 {
		w = r.stdout
	}
	fmt.Fprintf(w, "%s: %s cut = %s done + %s failed + %s dead + %s missing", messages.Clean(in.name, 120),
		console.Count(f.Items, "item"), humanize.Comma(f.DoneItems), humanize.Comma(f.FailedItems), humanize.Comma(f.DeadItems), humanize.Comma(f.Missing()))
	if took := f.Ended.Sub(f.Started); f.HasEnded() && took > 0 && f.Items > 0 {
		fmt.Fprintf(w, ", %.1f s, %s", took.Seconds(), console.PerSecond(float64(f.EndedItems())/took.Seconds()))
	}
	fmt.Fprintln(w)
	if f.Reason != "" {
		fmt.Fprintf(w, "  %s: %s\n", strings.ReplaceAll(f.State.String(), "_", " "), messages.CleanLine(f.Reason, 300))
	}
	for _, path := range slices.Backward(where) {
		fmt.Fprintf(w, "  %s\n", messages.Clean(path, maxLogValue))
	}
}

// verdict is the error of a run that did not do every item.
func (r *running) verdict() error {
	bad := r.totals.FailedItems + r.totals.DeadItems
	for _, f := range r.list {
		switch {
		case f.HasEnded() && !f.AddsUp():
			return fmt.Errorf("THE NUMBERS OF %s DO NOT ADD UP: %s", f.Info.Path, f.Reason)
		case f.State == messages.FileChanged || f.State == messages.FileFailed:
			return fmt.Errorf("%w: %s: %s", errRejects, f.Info.Path, f.Reason)
		case !f.HasEnded():
			return fmt.Errorf("%w: given up after %d failed or dead items (--halt %s)", errRejects, bad, r.halt)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%w: %s failed, %d dead", errRejects, console.Count(r.totals.FailedItems, "item"), r.totals.DeadItems)
	}
	return nil
}

// writeJoblog writes the job log of all files, under one heading.
func (r *running) writeJoblog() error {
	if r.joblog == "" {
		return nil
	}
	return writeFile(r.joblog, func(w io.Writer) error {
		root, err := os.OpenRoot(r.resultsDir())
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no file had an item
		}
		if err != nil {
			return fmt.Errorf("open the results: %w", err)
		}
		defer root.Close()
		out, headed := bufio.NewWriter(w), false
		for _, f := range r.list {
			var rows bytes.Buffer
			err := results.WriteJoblog(root.FS(), messages.GenerationFolder(f.Info.Path, f.Generation), &rows)
			if err != nil && !errors.Is(err, results.ErrNoResults) && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if _, rest, ok := bytes.Cut(rows.Bytes(), []byte("\n")); headed && ok {
				_, _ = out.Write(rest) // the writer keeps the error
			} else {
				_, _ = out.Write(rows.Bytes())
			}
			headed = headed || rows.Len() > 0
		}
		return out.Flush()
	})
}
