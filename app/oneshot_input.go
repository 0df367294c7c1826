package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kafka-master/infra/localfiles"
)

// stdinName is the name of what is read from standard input.
const stdinName = "stdin"

// choose finds the input files. Standard input is read to its end first, since work that is
// retried has to be read again. No result may take the place of one of them.
func (o *oneShot) choose(ctx context.Context, args []string) (err error) {
	var paths []string
	for _, path := range args {
		in := input{name: filepath.Base(path), path: path, folder: filepath.Dir(path)}
		if path == "-" {
			in = input{name: stdinName, path: filepath.Join(o.dir, stdinName)}
			if err := o.spoolInput(ctx, in.path); err != nil {
				return err
			}
		}
		o.inputs, paths = append(o.inputs, in), append(paths, in.path)
	}
	if o.files, err = localfiles.Choose(paths); err != nil {
		return fmt.Errorf("open the input: %w", err)
	}
	return o.checkTargets()
}

// spoolInput copies standard input into a file, unless the run continues one that has it.
func (o *oneShot) spoolInput(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil && o.state != "" {
		return nil
	}
	copied := make(chan error, 1)
	go func() {
		copied <- writeFile(path, func(w io.Writer) error { _, err := io.Copy(w, o.stdin); return err })
	}()
	select {
	case err := <-copied:
		return err
	case <-ctx.Done(): // nobody ends a read from a terminal
		return errors.New("stopped while standard input was read; nothing was done")
	}
}

// usualBatch is the batch size of a run with very many lines.
const usualBatch = 500

// batchSize returns the number of lines of a chunk: so many that there is enough for all
// processes until the end, and few enough that little is left to one of them.
func (o *oneShot) batchSize() int {
	if o.batch > 0 {
		return o.batch
	}
	chunks, least := 8, min(o.jobs, usualBatch) // a chunk with --each keeps all processes busy
	if o.exec != "" {
		chunks, least = 4*o.jobs, 1
	}
	if o.stop != (halt{}) { // what failed is known when its chunk ends
		return least
	}
	return min(max(o.countLines(usualBatch*chunks)/chunks, least), usualBatch)
}

// countLines counts the lines of the inputs, as far as the limit. What cannot be read is
// found by others.
func (o *oneShot) countLines(limit int) (lines int) {
	for _, in := range o.inputs {
		f, err := os.Open(in.path)
		if err != nil {
			continue
		}
		for r := bufio.NewScanner(f); lines < limit && r.Scan(); lines++ {
		}
		f.Close()
	}
	return lines
}
