package infratest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RedisServer is a Redis process of a test's own, on loopback, with an AOF that
// is synced every second. It can be killed, stopped and started again.
type RedisServer struct {
	t    testing.TB
	args []string
	dir  string
	port string
	daemon
}

// StartRedis starts a Redis that ends with the test. args are added to its
// command line. Without redis-server the test is skipped.
func StartRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	notShort(t)
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: make services-install installs it")
	}
	r := &RedisServer{t: t, args: args, dir: t.TempDir(), port: FreePort(t)}
	t.Cleanup(func() {
		r.Continue()
		r.Kill()
	})
	r.Start()
	return r
}

// Address is the host:port that the server listens on.
func (r *RedisServer) Address() string { return "127.0.0.1:" + r.port }

// Start starts the server with the data that it left, and waits until it answers.
func (r *RedisServer) Start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", append([]string{
		"--bind", "127.0.0.1", "--port", r.port, "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
	}, r.args...)...)
	require.NoError(r.t, r.cmd.Start())
	require.Eventually(r.t, func() bool {
		c, err := net.Dial("tcp", r.Address())
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 5*time.Millisecond, "redis-server does not start")
}

// Forget removes the data of a server that was killed.
func (r *RedisServer) Forget() {
	r.t.Helper()
	require.NoError(r.t, os.RemoveAll(filepath.Join(r.dir, "appendonlydir")))
}

// LoseLast cuts the last n bytes off the log of a server that was killed, as a
// power loss does.
func (r *RedisServer) LoseLast(n int64) {
	r.t.Helper()
	logs, err := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
	require.NoError(r.t, err)
	require.Len(r.t, logs, 1)
	info, err := os.Stat(logs[0])
	require.NoError(r.t, err)
	require.Greater(r.t, info.Size(), n)
	require.NoError(r.t, os.Truncate(logs[0], info.Size()-n))
}

// Do runs a command by redis-cli and returns what it prints.
func (r *RedisServer) Do(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// URL is where a client finds the server.
func (r *RedisServer) URL() string { return fmt.Sprintf("redis://%s", r.Address()) }
