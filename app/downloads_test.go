package app

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/results"
	"kafka-master/messages"
)

// Whoever asks for something that is not there is told whether it will be, and what to do.
func TestDownloadsThatAreMissingAreExplained(t *testing.T) {
	t.Parallel()
	file := messages.File{Info: messages.FileInfo{Path: "a b.txt"}, DoneChunks: 2, Digested: true, RecordedChunks: 2}
	classic, nothing, gone := file, file, file
	classic.RecordedChunks, nothing.DoneChunks, gone.Merged = 0, 0, time.Now()
	for _, x := range []struct {
		err    error
		file   messages.File
		merges bool
		status int
		cure   string
	}{
		{results.ErrNothingFailed, file, true, http.StatusNotFound, "failed"},
		{results.ErrNoResults, file, true, http.StatusNotFound, "RESULTS_DIR"},
		{results.ErrNoResults, classic, true, http.StatusNotFound, "classic"},
		{results.ErrNoResults, nothing, true, http.StatusNotFound, "No chunk"},
		{results.ErrRunning, file, true, http.StatusConflict, "--partial"},
		{results.ErrCancelled, file, true, http.StatusConflict, "kafka-master merge 'a b.txt'"},
		{results.ErrNotMerged, file, true, http.StatusConflict, "/readyz?verbose"},
		{results.ErrNotMerged, file, false, http.StatusConflict, "MERGE=true"},
		{results.ErrNotMerged, classic, true, http.StatusConflict, "kafka-master merge 'a b.txt'"},
		{results.ErrNotMerged, gone, true, http.StatusConflict, "not here any more"},
		{results.ErrOutdated, file, true, http.StatusConflict, "kafka-master merge 'a b.txt'"},
		{results.ErrDamaged, file, true, http.StatusConflict, "kafka-master joblog"},
		{results.ErrNoTemporary, file, true, http.StatusServiceUnavailable, "TMPDIR"},
		{errors.New("input/output error"), file, true, http.StatusServiceUnavailable, "input/output error"},
	} {
		got := (&downloads{merges: x.merges}).explain(x.file, fmt.Errorf("open: %w", x.err))
		require.Equal(t, x.status, got.Status, x.err)
		require.Contains(t, got.Sentence, x.cure)
		require.Contains(t, got.Sentence, "a b.txt")
		require.Regexp(t, `[^.]\.$`, got.Sentence)
	}
}

// A folder that is not there is no error of the program.
func TestDownloadsWithoutAFolder(t *testing.T) {
	t.Parallel()
	d := &downloads{Downloads: results.Downloads{Dir: t.TempDir() + "/none"}}
	for _, x := range d.List(messages.File{Info: messages.FileInfo{Path: "a.txt"}}) {
		require.NotNil(t, x.Missing)
		_, _, err := d.Open(messages.File{Info: messages.FileInfo{Path: "a.txt"}}, x.Kind)
		require.Equal(t, x.Missing, err)
	}
}
