package page

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/app"
	"kafka-master/infra/infratest"
)

// The test binary also runs as the program itself.
const roleVariable = "KAFKA_MASTER_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "program" {
		os.Exit(app.Main())
	}
	goleak.VerifyTestMain(m)
}

// site is a folder with what a master needs, and the processes that run there.
type site struct {
	t    *testing.T
	dir  string
	vars []string
	port string
}

func newSite(t *testing.T, vars ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), port: infratest.FreePort(t)}
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "in"), 0o755))
	s.vars = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, roleVariable + "=program",
		"CLIENT_DATA_PATH=" + s.dir, "INPUT_DIR=in", "DATA_DIR=" + filepath.Join(s.dir, "data"), "SETTLE=0", "MASTER_ID=m1",
		"API_SERVER_PORT=" + s.port, "KAFKA_BROKER_PORT=" + infratest.FreePort(t), "KAFKA_PARTITIONS=4", "EMBEDDED_WORKERS=0", "BATCH_SIZE=20",
	}, vars...)
	return s
}

func (s *site) url() string { return "http://127.0.0.1:" + s.port + "/" }

// drop puts a file with lines into the input folder, in one step.
func (s *site) drop(name string, lines []string) error {
	tmp := filepath.Join(s.dir, "new.tmp")
	if err := os.WriteFile(tmp, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(s.dir, "in", name))
}

// numbered returns n lines.
func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i+1)
	}
	return lines
}

// process is a running program, which ends with the test.
type process struct {
	cmd *exec.Cmd
	end func() // kill -9, and waits for the end
}

// start runs the program with arguments.
func (s *site) start(args ...string) (*process, error) {
	var mu sync.Mutex
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Env = s.dir, s.vars
	cmd.Stdout = writer(func(b []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return out.Write(b) })
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd}
	p.end = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL) // it may have ended
		_ = cmd.Wait()                          // killed: its status says nothing
	})
	s.t.Cleanup(func() {
		p.end()
		if s.t.Failed() {
			s.t.Logf("%v:\n%.6000s", args, out.String())
		}
	})
	return p, nil
}

type writer func([]byte) (int, error)

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) { return w(b) }
