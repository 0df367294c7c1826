package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/embedded"
	"kafka-master/infra/infratest"
)

// runCommand runs a command of the program with the settings of the site.
func (s *site) runCommand(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	code = app.Run(context.Background(), args, s.lookup, &out, &errs)
	return code, out.String(), errs.String()
}

// requireCheck checks that the doctor printed a line for a part, with a result and facts.
func requireCheck(t *testing.T, stdout, result, part string, facts ...string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + result + ` +` + part + ` +(.*)$`).FindString(stdout)
	require.NotEmpty(t, line, stdout)
	for _, fact := range facts {
		require.Contains(t, line, fact)
	}
}

// The doctor finds nothing when everything works, and prints a line with the cure for each
// thing that does not.
func TestDoctor(t *testing.T) {
	s := newSite(t)
	broker, err := embedded.Start(embedded.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	state := miniredis.RunT(t)
	state.RequireAuth("secret")
	s.vars["KAFKA_BROKER_ADDRESS"] = broker.Addrs()[0]
	s.vars["REDIS_URL"] = "redis://:secret@" + state.Addr()
	s.drop("a.txt", numbered(3))

	code, stdout, stderr := s.runCommand("doctor")
	require.Zero(t, code, stdout+stderr)
	requireCheck(t, stdout, "ok", "kafka", broker.Addrs()[0], "master-signal", "worker-signal", "worker-connection", "master-heartbeat")
	requireCheck(t, stdout, "ok", "input", filepath.Join(s.dir, "in"), " 1", " 27")
	requireCheck(t, stdout, "ok", "results")
	requireCheck(t, stdout, "ok", "api", "127.0.0.1:"+s.vars["API_SERVER_PORT"])
	require.NotContains(t, stdout, "FAIL")

	s.vars["KAFKA_BROKER_ADDRESS"] = "127.0.0.1:" + infratest.FreePort(t)
	s.vars["REDIS_URL"] = "redis://" + state.Addr()
	s.vars["INPUT_DIR"] = "elsewhere"
	code, stdout, stderr = s.runCommand("doctor")
	require.Equal(t, app.ExitCannot, code)
	requireCheck(t, stdout, "FAIL", "kafka", s.vars["KAFKA_BROKER_ADDRESS"], "KAFKA_BROKER_ADDRESS")
	requireCheck(t, stdout, "FAIL", "redis", state.Addr(), "REDIS_URL")
	requireCheck(t, stdout, "FAIL", "input", filepath.Join(s.dir, "elsewhere"), "INPUT_DIR")
	require.Contains(t, stderr, "3 of 5")
	require.NotContains(t, stdout+stderr, "secret")
}

// The doctor reports a share that cannot be reached, and settings that cannot be tried.
func TestDoctorCannotTry(t *testing.T) {
	s := newSite(t)
	s.vars["SMB_HOST"], s.vars["SMB_PORT"], s.vars["SMB_USER"], s.vars["SMB_PASSWORD"] = "127.0.0.1", infratest.FreePort(t), "reader", "canary"
	s.vars["CLIENT_DATA_PATH"] = "a*b"
	code, stdout, _ := s.runCommand("doctor")
	require.Equal(t, app.ExitCannot, code)
	requireCheck(t, stdout, "FAIL", "input", `"a*b"`)
	requireCheck(t, stdout, "ok", "kafka")
	requireCheck(t, stdout, "ok", "state")

	s.vars["CLIENT_DATA_PATH"] = "share"
	code, stdout, stderr := s.runCommand("doctor")
	require.Equal(t, app.ExitCannot, code)
	requireCheck(t, stdout, "FAIL", "input", "127.0.0.1:"+s.vars["SMB_PORT"], "SMB_PORT")
	require.NotContains(t, stdout+stderr, "canary")

	ca := filepath.Join(s.dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte("no certificate"), 0o644))
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["KAFKA_TLS"], s.vars["KAFKA_TLS_CA_FILE"] = "127.0.0.1:9", "true", ca
	_, stdout, _ = s.runCommand("doctor")
	requireCheck(t, stdout, "FAIL", "kafka", ca)
}

// The commands healthcheck and doctor show the state of a running master.
func TestHealthcheck(t *testing.T) {
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"] = "1"
	s.drop("a.txt", numbered(3))
	code, _, stderr := s.runCommand("healthcheck")
	require.Equal(t, app.ExitCannot, code)
	require.Contains(t, stderr, "127.0.0.1:"+s.vars["API_SERVER_PORT"])

	s.spawn(roleMaster)
	require.Eventually(t, func() bool {
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	code, stdout, stderr := s.runCommand("healthcheck")
	require.Zero(t, code, stderr)
	require.Equal(t, "ready: leader, term 1\n", stdout)
	s.vars["API_LISTEN"] = "0.0.0.0" // the command uses loopback all the same
	code, stdout, stderr = s.runCommand("healthcheck", "--live")
	require.Zero(t, code, stderr)
	require.Equal(t, "ok\n", stdout)
	code, stdout, stderr = s.runCommand("doctor")
	require.Zero(t, code, stdout+stderr)
	requireCheck(t, stdout, "ok", "api", "127.0.0.1:"+s.vars["API_SERVER_PORT"], "ready: leader, term 1")
}
