package app

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kafka-master/httpapi"
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
// address of none.
func serveExamples(e *testscript.Env) error {
	ending := exampleMaster(time.Now())
	ending.onLook = endAt(3)
	for name, m := range map[string]*fakeMaster{"EXAMPLE": exampleMaster(time.Now()), "ENDING": ending, "MANY": many(2500)} {
		server := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m, ChunkTopic: "master-signal", Results: fakeResults{}}).Handler())
		e.Defer(server.Close)
		e.Setenv(name, strings.TrimPrefix(server.URL, "http://"))
	}
	away := httptest.NewServer(nil)
	away.Close()
	e.Setenv("AWAY", strings.TrimPrefix(away.URL, "http://"))
	return nil
}
