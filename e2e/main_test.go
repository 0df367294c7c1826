package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/app"
	"kafka-master/infra/infratest"
	"kafka-master/worker"
)

// The test binary also runs as other processes: a master, a worker that records the items it
// received, and a classic worker that dies of an item.
const (
	roleVariable = "KAFKA_MASTER_TEST_ROLE"
	roleMaster   = "master"
	roleWorker   = "worker"
	roleClassic  = "classic"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case roleMaster:
		os.Exit(app.Main())
	case roleWorker:
		os.Exit(recordingWorker())
	case roleClassic:
		os.Exit(mortalClassicWorker())
	}
	goleak.VerifyTestMain(m)
}

// delivery is an attempt with the items that the worker received.
type delivery struct {
	BatchID string
	Items   []string
}

// recordingWorker works slowly, and records each delivery in a file before it reports the
// result.
func recordingWorker() int {
	f, err := os.OpenFile(os.Getenv("DELIVERIES"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cfg := worker.Config{ID: os.Getenv("WORKER_ID"), Brokers: []string{os.Getenv("KAFKA_BROKER_ADDRESS")}, Logger: slog.New(slog.DiscardHandler)}
	err = worker.Run(context.Background(), cfg, recordingHandler(f))
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func recordingHandler(f *os.File) worker.Handler {
	return func(ctx context.Context, c worker.Chunk, progress func(int)) error {
		time.Sleep(30 * time.Millisecond) // the work
		line, err := json.Marshal(delivery{BatchID: c.BatchID, Items: c.Items})
		if err != nil {
			return err
		}
		if _, err := f.Write(append(line, '\n')); err != nil {
			return err
		}
		return f.Sync()
	}
}

// site is a folder with everything that a master needs, and the environment for processes
// that use it.
type site struct {
	t    *testing.T
	dir  string
	vars map[string]string
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	return &site{t: t, dir: dir, vars: map[string]string{
		"CLIENT_DATA_PATH": dir, "INPUT_DIR": "in", "DATA_DIR": filepath.Join(dir, "data"), "SETTLE": "0", "LOG_FORMAT": "json",
		"API_SERVER_PORT": infratest.FreePort(t), "KAFKA_BROKER_PORT": infratest.FreePort(t), "KAFKA_PARTITIONS": "4",
	}}
}

func (s *site) lookup(name string) (string, bool) {
	v, ok := s.vars[name]
	return v, ok
}

func (s *site) env() []string {
	var out []string
	for k, v := range s.vars {
		out = append(out, k+"="+v)
	}
	return append(out, "PATH="+os.Getenv("PATH"), "HOME="+s.dir)
}

func (s *site) broker() string { return "127.0.0.1:" + s.vars["KAFKA_BROKER_PORT"] }

// drop puts a file into the input folder, in one step.
func (s *site) drop(name string, lines []string) {
	s.t.Helper()
	tmp := filepath.Join(s.dir, name+".tmp")
	require.NoError(s.t, os.WriteFile(tmp, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	require.NoError(s.t, os.Rename(tmp, filepath.Join(s.dir, "in", name)))
}

func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
	}
	return lines
}

func (s *site) get(path string) (status int, body string) {
	resp, err := http.Get("http://127.0.0.1:" + s.vars["API_SERVER_PORT"] + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// process is a child of the test.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  output
	dead chan struct{}
}

func (s *site) spawn(role string, extra ...string) *process {
	s.t.Helper()
	return s.command(role, nil, extra...)
}

// command starts the test binary with arguments, as another process.
func (s *site) command(role string, args []string, extra ...string) *process {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(s.env(), roleVariable+"="+role), extra...)
	return s.start(cmd)
}

// start starts a process that ends with the test.
func (s *site) start(cmd *exec.Cmd) *process {
	s.t.Helper()
	p := &process{t: s.t, cmd: cmd, dead: make(chan struct{})}
	p.cmd.Dir = s.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(s.t, p.cmd.Start())
	go func() {
		p.cmd.Wait()
		close(p.dead)
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("%v:\n%.8000s", cmd.Args, p.out.text())
		}
	})
	return p
}

func (s *site) deliveriesPath() string { return filepath.Join(s.dir, "deliveries") }

func (s *site) recordingWorker(id string) *process {
	return s.spawn(roleWorker, "WORKER_ID="+id, "KAFKA_BROKER_ADDRESS="+s.broker(), "DELIVERIES="+s.deliveriesPath())
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.dead
}

// terminate ends the process with SIGTERM and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.dead
	return p.cmd.ProcessState.ExitCode()
}

// output collects what a process prints and lets tests wait for it.
type output struct {
	mu       sync.Mutex
	buf      bytes.Buffer
	news     chan struct{} // closed by the next write, may be nil
	parsed   []logLine     // lines of the log in buf[:parsedTo]
	parsedTo int
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.news != nil {
		close(o.news)
		o.news = nil
	}
	return o.buf.Write(b)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// await waits until the output contains the text.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	o.awaitFunc(t, func() bool { return strings.Contains(o.text(), text) })
}

// awaitFunc waits until done returns true, which it asks after each write.
func (o *output) awaitFunc(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(4 * time.Minute) // for a hang: CI machines are slow
	for {
		news := o.nextWrite()
		if done() {
			return
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("the expected output did not come, but:\n%s", o.text())
		}
	}
}

// nextWrite returns a channel that the next write closes.
func (o *output) nextWrite() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.news == nil {
		o.news = make(chan struct{})
	}
	return o.news
}

// running is a master inside the test.
type running struct {
	out, log output
	code     chan int
	stop     context.CancelFunc
}

func (s *site) run(args ...string) *running {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	r := &running{code: make(chan int, 1), stop: stop}
	go func() { r.code <- app.Run(ctx, args, s.lookup, &r.out, &r.log) }()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("output:\n%s\nlog:\n%.8000s", r.out.text(), r.log.text())
		}
	})
	return r
}

// end stops the master and returns its exit code.
func (r *running) end() int {
	r.stop()
	return <-r.code
}

func readLines(t *testing.T, paths ...string) []string {
	t.Helper()
	var out []string
	for _, path := range paths {
		f, err := os.Open(path)
		require.NoError(t, err)
		scan := bufio.NewScanner(f)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			out = append(out, scan.Text())
		}
		require.NoError(t, scan.Err())
		f.Close()
	}
	return out
}
