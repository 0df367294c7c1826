package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/httpapi"
	"kafka-master/messages"
)

// downloadAnswer is a download as the API lists it.
type downloadAnswer struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Href    string `json:"href"`
	Bytes   *int64 `json:"bytes"`
	Hash    string `json:"hash"`
	Partial bool   `json:"partial"`
	Missing string `json:"missing"`
}

// downloadNames are the kinds of downloads.
var downloadNames = []string{httpapi.DownloadResults, httpapi.DownloadFailed, httpapi.DownloadFailedLines, httpapi.DownloadSummary, httpapi.DownloadJoblog}

// download is the command that saves what was made of a file.
func (c command) download() *cobra.Command {
	var d downloading
	cmd := c.verb(verb{
		use: "download FILE", short: "Save the results of a file, or the list of what failed, from any master",
		long: `Saves what the masters have of a file, without access to their folders:

  results       the merged results, in the order of the input (default)
  failed        the failed items: line, item, exit status and error of each
  failed-lines  the failed items as lines, ready to be dropped in again
  summary       counts, times, workers, hashes and settings
  joblog        who did which chunk when, with the columns of GNU parallel

The file gets its name only when all of it is there and its hash is right. A download that
is interrupted goes on, also when the command is started again. Results must be merged
(MERGE=true, or "kafka-master merge"), and lie in RESULTS_DIR of the masters.

Exit code 0 means saved, 1 that it is not there or could not be saved, 3 that no master
answers.`,
		example:  "  kafka-master download ips.txt\n  kafka-master download ips.txt --what failed-lines -o - | wc -l",
		args:     exactly(1, "the path or the id of a file"),
		complete: completeFiles,
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&d.what, "what", httpapi.DownloadResults, strings.Join(downloadNames, ", "))
			f.StringVarP(&d.out, "out", "o", "", "file or folder to save it in, - for standard output (default its own name, here)")
			f.IntVar(&d.generation, "generation", 0, "version of the file (default the newest)")
			f.BoolVar(&d.force, "force", false, "replace a file that is there")
		},
		act: func(ctx context.Context, r *remote, args []string) error {
			if !slices.Contains(downloadNames, d.what) {
				return fmt.Errorf("%w: --what %q: must be %s", errUsage, d.what, strings.Join(downloadNames, ", "))
			}
			if d.generation < 0 {
				return fmt.Errorf("%w: --generation %d: must be 1 or more", errUsage, d.generation)
			}
			f, err := r.findVersion(ctx, args[0], d.generation)
			if err != nil {
				return err
			}
			return d.run(ctx, r, f)
		},
	})
	completeFlag(cmd, "what", downloadNames...)
	_ = cmd.RegisterFlagCompletionFunc("out", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault // names of files
	})
	return cmd
}

// downloading is the command download while it runs.
type downloading struct {
	what, out  string
	generation int
	force      bool
}

// run saves a download.
func (d downloading) run(ctx context.Context, r *remote, f fileAnswer) error {
	offer, err := r.offer(ctx, f, d.what)
	if err != nil {
		return err
	}
	if offer.Partial {
		fmt.Fprintf(r.stderr, "kafka-master: this is a part: %s was merged although results are missing\n", f.name())
	}
	target := d.out
	if target != "-" {
		if target, err = d.target(offer.Name); err != nil {
			return err
		}
	}
	show, done := r.progressOf(f.Path, offer.Bytes)
	t := r.client.transfer(fmt.Sprintf("/api/v1/files/%d/%s", f.ID, offer.Kind), offer.Hash, show)
	if target == "-" {
		err = t.copyTo(ctx, r.stdout)
	} else {
		err = t.save(ctx, target)
	}
	done()
	if err != nil || target == "-" {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "%s: %s\n", messages.Clean(target, maxLogValue), humanize.Bytes(uint64(t.have)))
	return err
}

// offer asks for a download of a file, which must be there.
func (r *remote) offer(ctx context.Context, f fileAnswer, what string) (downloadAnswer, error) {
	var list struct {
		Downloads []downloadAnswer `json:"downloads"`
	}
	if err := r.client.get(ctx, fmt.Sprintf("/api/v1/files/%d/downloads", f.ID), &list); err != nil {
		return downloadAnswer{}, err
	}
	at := slices.IndexFunc(list.Downloads, func(d downloadAnswer) bool { return d.Kind == what })
	if at < 0 {
		return downloadAnswer{}, fmt.Errorf("%s has no download %s; is it of an earlier version?", r.client.base, what)
	}
	if d := list.Downloads[at]; d.Missing == "" {
		return d, nil
	}
	return downloadAnswer{}, fmt.Errorf("%s", messages.CleanLine(list.Downloads[at].Missing, 500))
}

// target returns the path to save a download under. Its name comes from another machine.
func (d downloading) target(name string) (string, error) {
	if info, err := os.Stat(d.out); d.out != "" && (err != nil || !info.IsDir()) {
		if strings.HasSuffix(d.out, string(filepath.Separator)) {
			return "", fmt.Errorf("there is no folder %s: make it first, or give another one with -o", messages.Clean(d.out, maxLogValue))
		}
		return d.out, d.free(d.out)
	}
	if name != filepath.Base(name) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("the name %q is none for a file here: give another one with -o", messages.Clean(name, 200))
	}
	path := filepath.Join(d.out, name)
	return path, d.free(path)
}

// free returns an error if a file would be replaced.
func (d downloading) free(path string) error {
	if _, err := os.Lstat(path); err == nil && !d.force {
		return fmt.Errorf("%s is there already: --force replaces it, -o gives another name", messages.Clean(path, maxLogValue))
	}
	return nil
}

// progressOf returns what shows the progress of a download on a terminal, and what removes it.
func (r *remote) progressOf(name string, bytes *int64) (show func(int64), done func()) {
	if bytes == nil || !console.IsTerminal(r.stderr) {
		return func(int64) {}, func() {}
	}
	bar := progressbar.NewOptions64(*bytes, progressbar.OptionSetWriter(r.stderr), progressbar.OptionSetDescription(messages.Clean(name, 40)),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowBytes(true))
	return func(n int64) { _ = bar.Set64(n) }, func() { _ = bar.Finish() }
}
