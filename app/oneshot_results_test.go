package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A run of files without lines may end before its worker has made the folder of results.
func TestJoblogWithoutResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := &oneShot{dir: dir, joblog: filepath.Join(dir, "log.tsv")}
	r := &running{oneShot: o, list: []messages.File{{Generation: 1, Info: messages.FileInfo{Path: "empty.txt"}}}}
	require.NoDirExists(t, o.resultsDir())
	require.NoError(t, r.writeJoblog())
	log, err := os.ReadFile(o.joblog)
	require.NoError(t, err)
	require.Empty(t, log)
}
