package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"kafka-master/console"
	"kafka-master/infra/results"
	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// mergeFlags are the flags of the command merge.
type mergeFlags struct {
	all, partial, replace, json bool
	generation                  int
	api, results, out, ext      string
}

// extension is what --ext allows.
var extension = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func (f mergeFlags) check(args []string) error {
	switch {
	case f.all == (len(args) == 1) || len(args) > 1:
		return fmt.Errorf("%w: give one FILE, or --all", errUsage)
	case f.generation < 0 || f.all && f.generation > 0:
		return fmt.Errorf("%w: --generation %d: must be 1 or more, and of one FILE", errUsage, f.generation)
	case f.replace && f.out != "":
		return fmt.Errorf("%w: --replace with --out %s: the merged result takes the place of the others, and verify looks for it in the folder of the results; leave out one of the two", errUsage, f.out)
	case !extension.MatchString(f.ext):
		return fmt.Errorf("%w: --ext %q: must be letters, digits, dots, _ and -, such as jsonl or csv", errUsage, f.ext)
	case strings.EqualFold(f.ext, "txt") || strings.HasSuffix(strings.ToLower(f.ext), ".txt"):
		return fmt.Errorf("%w: --ext %s: the folder of the results of another input file may have that name; take another ending", errUsage, f.ext)
	}
	return nil
}

func (c command) merge() *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use: "merge FILE", Short: "Merge the results of a file in the order of its lines, with a list of what failed",
		Long: `Reads the results that the workers left in the results folder and writes, beside their
folder or in --out:

  FILE.jsonl         the results in the order of the input, or with the ending --ext
  FILE.failed.jsonl  the failed items: line, item, exit status and error of each
  FILE.failed.txt    the failed items as lines, ready to be dropped in again
  FILE.summary.json  counts, times, workers, hashes and settings

The lists are left out when nothing failed. What was done is asked from the master at
--api, or of this machine; if none answers, it is read from the state that the settings
name. A file that has not ended or was cancelled, or whose results are not those that the
master counted, is refused without --partial. A merge that was interrupted continues where it was.

Exit code 0 means merged, 1 refused or failed, 3 that neither a master nor a state can be
asked.`,
		Example: "  kafka-master merge ips.txt\n  kafka-master merge --all --results /srv/results --out /srv/home",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			if f.results == "" {
				f.results = s.ResultsDir
			}
			if f.all {
				return c.mergeAll(cmd.Context(), s, f)
			}
			b, err := c.booksOf(cmd.Context(), s, f.api, args[0], f.generation)
			if err != nil {
				return err
			}
			return c.mergeOne(cmd.Context(), s, f, b)
		},
	}
	cmd.Flags().BoolVar(&f.all, "all", false, "merge every file that has ended")
	cmd.Flags().IntVar(&f.generation, "generation", 0, "version of the file (default the newest)")
	cmd.Flags().StringVar(&f.api, "api", "", "host:port of a master (default the one of this machine, else the state)")
	cmd.Flags().StringVar(&f.results, "results", "", "folder of the results (default RESULTS_DIR)")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "folder for the merged files (default the folder of the results)")
	cmd.Flags().StringVar(&f.ext, "ext", "jsonl", "ending of the merged result")
	cmd.Flags().BoolVar(&f.partial, "partial", false, "merge what there is, even if the file has not ended or was cancelled, or results are missing")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "remove the results of the chunks once they are merged and every item is done")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the summary as JSON, one line for each file")
	return cmd
}

// mergeAll merges every file that has ended, and whatever there is of others with --partial.
// A file that cannot be merged does not stop the others.
func (c command) mergeAll(ctx context.Context, s settings.Settings, f mergeFlags) error {
	books, err := c.readBooks(ctx, s, f.api, named("", 0))
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range books {
		if b.DoneChunks == 0 || !f.partial && !(b.HasEnded() && b.Whole()) {
			continue
		}
		if err := c.mergeOne(ctx, s, f, b); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (c command) mergeOne(ctx context.Context, s settings.Settings, f mergeFlags, b messages.Books) error {
	m := results.Merge{
		Books: b, Dir: f.results, Out: f.out, Ext: f.ext, Partial: f.partial, Replace: f.replace, Version: build().version,
		Settings: changedSettings(s),
	}
	bar, done := c.progress(b.Info.Path)
	m.Progress = bar
	summary, err := m.Run(ctx)
	done()
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(c.stdout).Encode(summary)
	}
	_, err = io.WriteString(c.stdout, merged(summary, cmp.Or(f.out, f.results)))
	return err
}

// merged describes a merge for a person.
func merged(s results.Summary, folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", messages.Clean(filepath.Join(folder, s.Result.Name), maxLogValue),
		console.Count(s.Result.Lines, "line"), humanize.Bytes(uint64(s.Result.Bytes)))
	if s.FailedList != nil {
		fmt.Fprintf(&b, "%s: %s failed; %s has them as lines, ready to be dropped in again\n",
			messages.Clean(filepath.Join(folder, s.FailedList.Name), maxLogValue), console.Count(s.FailedList.Lines, "item"), messages.Clean(s.FailedItems.Name, maxLogValue))
	}
	if s.Items.Dead > 0 {
		fmt.Fprintf(&b, "%s dead and have no result; \"kafka-master dead ls\" lists them\n", console.Count(s.Items.Dead, "item"))
	}
	if s.Unrecorded > 0 {
		fmt.Fprintf(&b, "%s of the results were written by workers that keep no manifest: nothing vouches for them\n", humanize.Comma(int64(s.Unrecorded)))
	}
	if s.Partial {
		fmt.Fprintf(&b, "This is a part: %s of %s done chunks were merged, and the file is %s\n",
			humanize.Comma(int64(s.Chunks.Merged)), humanize.Comma(s.Chunks.Done), s.State)
	}
	return b.String()
}

// progress returns a function that shows the progress on a terminal, and what removes it.
func (c command) progress(name string) (show func(merged, all int), done func()) {
	if !console.IsTerminal(c.stderr) {
		return func(int, int) {}, func() {}
	}
	var bar *progressbar.ProgressBar
	show = func(merged, all int) {
		if bar == nil {
			bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(c.stderr), progressbar.OptionSetDescription(messages.Clean(name, 40)),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())
		}
		_ = bar.Set(merged)
	}
	return show, func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
}

// changedSettings returns the settings that are not at their defaults. Secrets are masked.
func changedSettings(s settings.Settings) map[string]string {
	out := map[string]string{}
	for _, l := range s.Describe() {
		if l.Source != settings.SourceDefault && l.Source != "" {
			out[l.Name] = l.Value
		}
	}
	return out
}
