package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/results"
	"kafka-master/worker"
)

func pythonWorker(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../examples/python-worker")
	require.NoError(t, err)
	return path
}

// anyPython returns an interpreter, which may lack the client library.
func anyPython(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: make services-install installs it")
	}
	return path
}

func TestUnitTestsOfThePythonWorker(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs the tests of another program")
	}
	cmd := exec.Command(anyPython(t), "-B", "-m", "unittest")
	cmd.Dir = pythonWorker(t)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// Native workers in Go and in Python use the same results folder, and therefore the same
// names.
func TestPythonWorkerNamesResultsAsTheGoWorker(t *testing.T) {
	t.Parallel()
	var chunks [][2]string
	for _, file := range []string{"a.txt", "d/a.txt", "../a.txt", "d/../a.txt", "/a.txt", "d/", "", ".", "..", "/", "a\x00b", "ä b.txt"} {
		for _, id := range []string{"a_chunk_0", "a_chunk_0_a2", "a_chunk_0_a1", "a_chunk_00_a2", "a_chunk_1_g2_a10", "a_chunk_1_chunk_2_a3",
			"_chunk_1_a2", "d/a_chunk_1_a2", "A b.TXT", "a.txt", "ä", "/", "a/", "..", strings.Repeat("x", 231)} {
			chunks = append(chunks, [2]string{file, id})
		}
	}
	in, err := json.Marshal(chunks)
	require.NoError(t, err)
	cmd := exec.Command(anyPython(t), "-B", "-c", `
import json, sys
from results import Results
print(json.dumps([Results("/r").path(file, batch_id) for file, batch_id in json.load(sys.stdin)]))`)
	cmd.Dir, cmd.Stdin, cmd.Stderr = pythonWorker(t), strings.NewReader(string(in)), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var paths []string
	require.NoError(t, json.Unmarshal(out, &paths))
	for i, c := range chunks {
		require.Equal(t, worker.Results{Dir: "/r"}.Path(worker.Chunk{File: c[0], BatchID: c[1]}), filepath.Clean(paths[i]), "%q", c)
	}
}

// pythonHandler is a handler as users write it.
const pythonHandler = `
import time

def handle(item):
    time.sleep(0.0002)
    return {"item": item}
`

// Workers in Python and in Go share a file. One is killed and one is stopped in the middle,
// and every line has one result.
func TestPythonAndGoWorkersShareAFile(t *testing.T) {
	t.Parallel()
	interpreters := pythons(t)
	s := realSite(t, 11)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "scan.py"), []byte(pythonHandler), 0o644))
	items := numbered(60_000)
	s.drop("a.txt", items)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	results := filepath.Join(s.dir, "data", "results")
	python := func(id string, n int) *process {
		cmd := exec.Command(interpreters[n%len(interpreters)], "-B", filepath.Join(pythonWorker(t), "worker.py"), "--parallel", "2", "--results", results, "scan:handle")
		cmd.Env = append(s.env(), "WORKER_ID="+id)
		return s.start(cmd)
	}
	command := `sleep 0.05; sed 's/.*/{"item":"&"}/'`
	native := s.command(roleMaster, []string{"worker", "--results", results, "--exec", command}, "WORKER_ID=g0")
	killed, stopped := python("p0", 0), python("p1", 1)
	some := func(n int) {
		require.Eventually(t, func() bool {
			done, _ := filepath.Glob(filepath.Join(results, "a.txt", "*.jsonl"))
			return len(done) >= n
		}, time.Minute, 10*time.Millisecond)
	}
	some(20)
	killed.kill()
	some(30)
	require.NoError(t, stopped.cmd.Process.Signal(syscall.SIGTERM))
	<-stopped.dead
	require.Equal(t, app.ExitOK, stopped.cmd.ProcessState.ExitCode(), stopped.out.text())
	require.NotContains(t, stopped.out.text(), " WARNING ", "its last messages were delivered")
	last := python("p2", 0)
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(60_000, 0)), 1)
	require.Equal(t, app.ExitOK, last.terminate())
	require.Equal(t, app.ExitOK, native.terminate())
	require.Equal(t, app.ExitOK, m.terminate())
	s.sameItems(items, s.results("a.txt"))
}

// Native workers in Go and in Python read each other's manifests: the result of the one
// stands when the other runs the same chunk later.
func TestPythonWorkerRecordsResultsAsTheGoWorker(t *testing.T) {
	t.Parallel()
	python := func(dir string) {
		cmd := exec.Command(anyPython(t), "-B", "-c", `
import sys
from manifest import work
from results import Results
with Results(sys.argv[1]).create("A b.txt", "A_b_chunk_4_s5_g2_a3", 3, 2) as out:
    out.write("python")
    out.fail(21, "x", "refused")
    index, half, retry = work("A_b_chunk_4_s5_g2_a3")
    out.commit({"batchId": "A_b_chunk_4_s5_g2_a3", "index": index, "half": half, "retry": retry, "attempt": 3, "deployment": "D", "generation": 2,
        "offset": 40, "length": 10, "first_line": 21, "items": 2, "input_hash": "44bc2cf5ad770999", "failed": 1, "failed_items": [[0, 0]], "worker": "py}"})
`, dir)
		cmd.Dir = pythonWorker(t)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	goWorker := func(dir string) {
		f, err := worker.NewResults(dir).Create(worker.Chunk{
			BatchID: "A_b_chunk_4_s5_g2", Name: "A_b_chunk_4_s5_g2", File: "A b.txt", Generation: 2, Attempt: 1, Deployment: "D", FirstLine: 21,
			Offset: 40, Length: 10, Hash: "44bc2cf5ad770999", Items: []string{"x", "y"}, Worker: "go",
		})
		require.NoError(t, err)
		_, err = f.Write([]byte("go\n"))
		require.NoError(t, err)
		require.NoError(t, f.Commit())
	}
	for name, runs := range map[string][]func(string){"\"python\"\n": {python, goWorker, python}, "go\n": {goWorker, python, goWorker}} {
		dir := t.TempDir()
		for _, run := range runs {
			run(dir)
		}
		folder := filepath.Join(dir, "A b.txt%+1@2")
		text, err := os.ReadFile(filepath.Join(folder, "A_b_chunk_4_s5_g2.jsonl"))
		require.NoError(t, err)
		require.Equal(t, name, string(text))
		lines := 0
		manifests, err := results.Manifests(os.DirFS(dir), filepath.Base(folder))
		require.NoError(t, err)
		for _, m := range manifests {
			_, err := results.ReadManifest(os.DirFS(dir), m, 0, func(_ results.At, _ results.Line, damage error) error {
				lines++
				return damage
			})
			require.NoError(t, err)
		}
		require.Equal(t, 3, lines)
	}
}
