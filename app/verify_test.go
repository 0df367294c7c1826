package app

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/logstore"
	"kafka-master/messages"
	"kafka-master/proof"
)

// storedFile writes a state that holds one file without any item, which needs no
// results, and returns the environment of a command that finds it.
func storedFile(t *testing.T, text string) (dir string, env func(string) (string, bool)) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "in"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "results"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in", "blank.txt"), []byte(text), 0o600))
	s, err := logstore.Open(logstore.Config{Dir: filepath.Join(dir, "data", "state")})
	require.NoError(t, err)
	defer s.Close()
	ctx := context.Background()
	got, err := s.Acquire(ctx, messages.Claim{Holder: "m"}, time.Second)
	require.NoError(t, err)
	f := &messages.File{
		ID: 1, Generation: 1, Base: "blank", State: messages.FileDone, Info: messages.FileInfo{Path: "blank.txt", Size: 4},
		Fingerprint: 0x2512b071b5362443, Cursor: messages.Cursor{Offset: 4, Line: 1}, Ended: time.Unix(1e9, 0),
	}
	require.NoError(t, s.Commit(ctx, got.Term, messages.Batch{Number: 1, ID: "b", Files: []*messages.File{f}}))
	values := map[string]string{
		"CLIENT_DATA_PATH": dir, "INPUT_DIR": "in", "DATA_DIR": filepath.Join(dir, "data"), "RESULTS_DIR": filepath.Join(dir, "results"),
		"API_SERVER_PORT": "1", // where nobody answers
	}
	return dir, func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func TestVerifyExitCodes(t *testing.T) {
	for name, x := range map[string]struct {
		text string
		args []string
		want int
	}{
		"holds":            {"\n \n\n", []string{"blank.txt"}, ExitOK},
		"all":              {"\n \n\n", []string{"--all"}, ExitOK},
		"other bytes":      {"\n\t\n\n", []string{"blank.txt"}, ExitWrong},
		"unknown file":     {"\n \n\n", []string{"other.txt"}, ExitUnknown},
		"other generation": {"\n \n\n", []string{"blank.txt", "--generation", "2"}, ExitUnknown},
		"no input":         {"\n \n\n", []string{"blank.txt", "--input", "/nowhere"}, ExitUnknown},
		"no file":          {"", nil, ExitUsage},
		"both":             {"", []string{"--all", "blank.txt"}, ExitUsage},
		"no master":        {"", []string{"--api", "127.0.0.1:1", "blank.txt"}, ExitUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, env := storedFile(t, x.text)
			var out, errs bytes.Buffer
			code := Run(context.Background(), append([]string{"verify"}, x.args...), env, &out, &errs)
			require.Equal(t, x.want, code, "%s%s", out.String(), errs.String())
		})
	}
}

func TestVerifyPrintsJSON(t *testing.T) {
	_, env := storedFile(t, "\n \nx")
	var out, errs bytes.Buffer
	require.Equal(t, ExitWrong, Run(context.Background(), []string{"verify", "--json", "blank.txt"}, env, &out, &errs))
	var r proof.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Equal(t, proof.Fails, r.Verdict)
	require.Equal(t, "blank.txt", r.Path)
	require.Equal(t, int64(1), r.Findings[0].FirstLine)
}
