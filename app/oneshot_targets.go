package app

import (
	"fmt"
	"os"
	"path/filepath"
)

// Endings of the lists of what failed.
const (
	failedListEnd  = ".failed.jsonl"
	failedItemsEnd = ".failed.txt"
)

// target is a file that a run replaces or removes when it ends.
type target struct {
	path string
	of   string // what it holds
	cure string // what gives it another name
}

// targets returns what the run puts in place. Results that are printed are no files.
func (o *oneShot) targets() (list []target) {
	for _, in := range o.inputs {
		folder, printed := o.resultsOf(in)
		if printed {
			continue
		}
		for _, part := range []struct{ end, of string }{
			{failedListEnd, "the list of failed items of "}, {failedItemsEnd, "the failed lines of "}, {"." + o.ext, "the output of "},
		} {
			list = append(list, target{
				path: filepath.Join(folder, in.name+part.end), of: part.of + in.name,
				cure: "give another folder with -o DIR, or another --ext",
			})
		}
	}
	if o.joblog != "" {
		list = append(list, target{path: o.joblog, of: "the job log", cure: "give another --joblog"})
	}
	return list
}

// resultsOf returns the folder for the results of an input, or that they are printed.
func (o *oneShot) resultsOf(in input) (folder string, printed bool) {
	if o.out != "" {
		return o.out, o.out == "-"
	}
	return in.folder, in.folder == ""
}

// checkTargets refuses a run that would replace or remove one of its own inputs, or one of
// its results by another.
func (o *oneShot) checkTargets() error {
	taken := map[string]target{}
	for _, t := range o.targets() {
		for _, path := range []string{t.path, t.path + temporaryEnd} {
			if in, ok := o.inputAt(path); ok {
				return fmt.Errorf("%w: %s would take the place of the input %s: %s", errUsage, t.of, in.path, t.cure)
			}
		}
		place := wholePath(t.path)
		if other, ok := taken[place]; ok {
			return fmt.Errorf("%w: %s would take the place of %s, %s: %s", errUsage, t.of, other.of, t.path, t.cure)
		}
		taken[place] = t
	}
	return nil
}

// inputAt returns the input that is the file at a path, under whatever name.
func (o *oneShot) inputAt(path string) (input, bool) {
	there, err := os.Stat(path)
	if err != nil {
		return input{}, false // nothing is there that could be lost
	}
	for _, in := range o.inputs {
		if info, err := os.Stat(in.path); err == nil && os.SameFile(there, info) {
			return in, true
		}
	}
	return input{}, false
}

// wholePath returns one name for a file that may not exist yet, with the links in the name of
// its folder followed.
func wholePath(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path))
	}
	return path
}
