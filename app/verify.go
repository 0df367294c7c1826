package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/infra/settings"
	"kafka-master/messages"
	"kafka-master/proof"
)

// The errors of a check that did not succeed.
var (
	errWrong   = errors.New("something does not hold")
	errUnknown = errors.New("not everything could be checked")
)

// verifyFlags are the flags of the command verify that are not settings.
type verifyFlags struct {
	all, json           bool
	results, input, api string
	generation          int
}

func (c command) verify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check that every line of a file is done, failed or dead, by an independent count",
		Long: `Reads the input, the manifests of the workers, the results and the books of the
master, each by itself, and compares them: the ranges of the chunks cover the file;
the bytes of each have the recorded hash and number of items; each done chunk has one
result with the recorded bytes and lines; the sums and the digest of the books are
those of the manifests. What does not hold is named by lines of the input.

FILE is a path below the input folder. The books come from a running master, or from
the state if none answers.

Exit code 0 means that everything holds, 4 that something does not, 3 that it cannot
be known: the input or the results are not here, a worker of another kind kept its
results, the file has not ended, or no master knows it.`,
		Example: "  kafka-master verify ips.txt\n  kafka-master verify --all --json",
		Args: func(_ *cobra.Command, args []string) error {
			if f.all == (len(args) > 0) || len(args) > 1 {
				return fmt.Errorf("%w: give one FILE, or --all", errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			if f.results == "" {
				f.results = s.ResultsDir
			}
			v := &verification{command: c, settings: s, flags: f}
			return v.run(cmd.Context(), args)
		},
	}
	cmd.Flags().BoolVar(&f.all, "all", false, "check all files that the masters know")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each file")
	cmd.Flags().StringVar(&f.results, "results", "", "folder for result files (default RESULTS_DIR)")
	cmd.Flags().StringVar(&f.input, "input", "", "folder with the input files (default: the input folder of the settings)")
	cmd.Flags().StringVar(&f.api, "api", "", "host:port of the API of any master (default: of the one on this machine, or the state)")
	cmd.Flags().IntVar(&f.generation, "generation", 0, "version of the file to check (default: the newest)")
	return cmd
}

// verification is one run of the command.
type verification struct {
	command
	settings settings.Settings
	flags    verifyFlags
	inputs   inputs
}

func (v *verification) run(ctx context.Context, args []string) error {
	paths, err := v.paths(args)
	if err != nil {
		return err
	}
	known, err := v.readBooks(ctx, v.settings, v.flags.api, func(f messages.File) bool {
		return v.flags.all || slices.Contains(paths, f.Info.Path)
	})
	if err != nil {
		return err
	}
	books := slices.DeleteFunc(slices.Clone(known), func(b messages.Books) bool {
		return v.flags.generation > 0 && max(1, b.Generation) != v.flags.generation
	})
	if !v.flags.all {
		if len(books) == 0 {
			return fmt.Errorf("%w: %w: %q; give its path below the input folder, as the console shows it", errUnknown, errNoFile, args[0])
		}
		books = books[len(books)-1:]
	}
	if v.inputs, err = openInputs(v.settings, v.flags.input, known); err != nil {
		return err
	}
	defer v.inputs.close()
	return v.checkAll(ctx, books)
}

// paths returns the paths that a person may mean by an argument: one below the input
// folder, or one that leads there from here.
func (v *verification) paths(args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	paths := []string{args[0], filepath.ToSlash(filepath.Clean(args[0]))}
	if v.settings.SMBHost != "" {
		return paths, nil
	}
	dir, err := filepath.Abs(v.settings.InputPath())
	if err != nil {
		return nil, fmt.Errorf("the input folder: %w", err)
	}
	name, err := filepath.Abs(args[0])
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	if rel, err := filepath.Rel(dir, name); err == nil {
		paths = append(paths, filepath.ToSlash(rel))
	}
	return paths, nil
}

func (v *verification) checkAll(ctx context.Context, books []messages.Books) error {
	var sum verdicts
	for _, b := range books {
		r, err := v.check(ctx, b)
		if err != nil {
			return err
		}
		sum.add(r)
	}
	return sum.err()
}

// check checks one file and prints the report.
func (v *verification) check(ctx context.Context, b messages.Books) (proof.Report, error) {
	began := time.Now()
	r, err := proof.Check(ctx, proof.Case{
		Books:   b,
		Results: filepath.Join(v.flags.results, messages.GenerationFolder(b.Info.Path, b.Generation)),
		Open:    v.inputs.opener(b.File),
	})
	if err != nil {
		return r, fmt.Errorf("check %s: %w", b.Info.Path, err)
	}
	if v.flags.json {
		return r, json.NewEncoder(v.stdout).Encode(r)
	}
	_, err = fmt.Fprintln(v.stdout, reportText(r, time.Since(began)))
	return r, err
}

// verdicts counts reports by their verdict.
type verdicts struct{ all, wrong, unknown int }

func (v *verdicts) add(r proof.Report) {
	v.all++
	switch r.Verdict {
	case proof.Fails:
		v.wrong++
	case proof.Unknown:
		v.unknown++
	}
}

// err is the outcome of all checks.
func (v *verdicts) err() error {
	switch {
	case v.wrong > 0:
		return fmt.Errorf("%w: %d of %d files, see above", errWrong, v.wrong, v.all)
	case v.unknown > 0:
		return fmt.Errorf("%w: %d of %d files, see above", errUnknown, v.unknown, v.all)
	}
	return nil
}
