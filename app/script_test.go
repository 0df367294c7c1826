package app

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kafka-master/httpapi"
	"kafka-master/infra/results"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kafka-master": func() { os.Exit(Main()) }})
}

// The scripts in testdata/script run the program as a user does.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Setup: serveExamples})
}

// serveExamples gives each script masters of its own: EXAMPLE is one with three files, of
// which one is in work, ENDING one where it ends soon, MANY one with 2,500 files, and AWAY the
// address of none. The folder here has what a worker left of the files mine.txt and damaged.txt.
func serveExamples(e *testscript.Env) error {
	ending := exampleMaster(time.Now())
	ending.onLook = endAt(3)
	for name, m := range map[string]*fakeMaster{"EXAMPLE": exampleMaster(time.Now()), "ENDING": ending, "MANY": many(2500)} {
		server := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m, ChunkTopic: "master-signal", Results: fakeResults{}}).Handler())
		e.Defer(server.Close)
		e.Setenv(name, strings.TrimPrefix(server.URL, "http://"))
	}
	e.Setenv("AWAY", "127.0.0.1:1") // a port that was closed may be that of another test by now
	return errors.Join(leaveResults(e, "mine", ""), leaveResults(e, "damaged", "{}\n"))
}

// leaveResults writes the manifest of a worker that did one chunk of a file.
func leaveResults(e *testscript.Env, base, more string) error {
	dir := filepath.Join(e.WorkDir, "here", base+".txt", results.ManifestFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ended := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	line := results.Line{BatchID: base + "_chunk_0", Generation: 1, Length: 40, Bytes: 12, Worker: "w-9", Started: results.Time(ended.Add(-250 * time.Millisecond)), Ended: results.Time(ended)}
	return os.WriteFile(filepath.Join(dir, "w-9.jsonl"), append(line.Encode(), more...), 0o644)
}
