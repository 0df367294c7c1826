package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"kafka-master/httpapi"
	"kafka-master/infra/results"
	"kafka-master/messages"
)

var _ httpapi.Results = (*downloads)(nil)

// downloads are what can be downloaded of files from the results folder of this master.
type downloads struct {
	results.Downloads
	merges bool // the leader merges by itself
}

func (n *node) newDownloads() *downloads {
	return &downloads{Downloads: results.Downloads{Dir: n.s.ResultsDir}, merges: n.s.Merges()}
}

// List implements httpapi.Results.
func (d *downloads) List(f messages.File) (out []httpapi.Download) {
	for _, o := range d.Downloads.List(f) {
		shown := showOffer(o)
		if o.Err != nil {
			shown.Missing = d.explain(f, o.Err)
		}
		out = append(out, shown)
	}
	return out
}

// Open implements httpapi.Results.
func (d *downloads) Open(f messages.File, kind string) (httpapi.Download, io.ReadSeekCloser, error) {
	o, err := d.Downloads.Open(f, results.Artifact(kind))
	if err != nil {
		return httpapi.Download{}, nil, d.explain(f, err)
	}
	return showOffer(o.Offer), o, nil
}

func showOffer(o results.Offer) httpapi.Download {
	return httpapi.Download{Kind: string(o.Artifact), Name: o.Name, Bytes: o.Bytes, Lines: o.Lines, Hash: o.Hash, Modified: o.Modified, Partial: o.Partial}
}

// explain says why a download is not there, and what to do about it.
func (d *downloads) explain(f messages.File, err error) *httpapi.NotThere {
	name := messages.Clean(f.Info.Path, maxLogValue)
	merge := `run "kafka-master merge ` + messages.Clean(messages.ShellWord(f.Info.Path), maxLogValue) + `" on a machine that has the folder of the results`
	status, text := http.StatusConflict, ""
	switch {
	case errors.Is(err, results.ErrNothingFailed):
		status, text = http.StatusNotFound, fmt.Sprintf("No item of %s failed, so there is no list", name)
	case errors.Is(err, results.ErrNoResults):
		status, text = http.StatusNotFound, noResultsHere(f, name)
	case errors.Is(err, results.ErrRunning):
		text = fmt.Sprintf("%s has not ended; to have what there is, %s, with --partial", name, merge)
	case errors.Is(err, results.ErrCancelled):
		text = fmt.Sprintf("%s was cancelled; to have what was done of it, %s, with --partial", name, merge)
	case errors.Is(err, results.ErrNotMerged):
		text = d.notMerged(f, name, merge)
	case errors.Is(err, results.ErrOutdated):
		text = fmt.Sprintf("What was merged of %s is not of the file as it is now: %s", name, merge)
	case errors.Is(err, results.ErrDamaged):
		text = fmt.Sprintf(`A manifest of %s is damaged: %s; "kafka-master joblog" prints the other lines where the results are`, name, messages.Clean(err.Error(), maxLogValue))
	case errors.Is(err, results.ErrNoTemporary):
		status, text = http.StatusServiceUnavailable, fmt.Sprintf("The job log of %s needs a folder for temporary files, TMPDIR or /tmp, that the master may write into, such as a tmpfs: %s", name, messages.Clean(err.Error(), maxLogValue))
	default:
		status, text = http.StatusServiceUnavailable, fmt.Sprintf("What was left of %s cannot be read: %s", name, messages.Clean(err.Error(), maxLogValue))
	}
	return &httpapi.NotThere{Status: status, Sentence: text + "."}
}

// notMerged says whether results that are not merged will be, see MERGE.
func (d *downloads) notMerged(f messages.File, name, merge string) string {
	switch {
	case !f.Merged.IsZero():
		return fmt.Sprintf("What was merged of %s is not here any more: %s", name, merge)
	case !d.merges:
		return fmt.Sprintf("The results of %s are not merged: set MERGE=true, or %s", name, merge)
	case f.RecordedChunks != f.DoneChunks:
		return fmt.Sprintf("The leader does not merge %s by itself, since not every worker recorded its results: %s", name, merge)
	}
	return fmt.Sprintf("The results of %s are being merged, or wait for it; /readyz?verbose says if that fails", name)
}

// noResultsHere says where the results of a file are instead.
func noResultsHere(f messages.File, name string) string {
	switch {
	case f.DoneChunks == 0:
		return fmt.Sprintf("No chunk of %s is done, so it has no results", name)
	case f.DigestKnown() && f.RecordedChunks == 0:
		return fmt.Sprintf("The results of %s were written by workers that keep them themselves, such as classic ones", name)
	}
	return fmt.Sprintf("The results of %s are not in RESULTS_DIR of this master: mount the folder of the workers there", name)
}
