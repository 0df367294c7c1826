package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/embedded"
	"kafka-master/infra/infratest"
)

// ask runs a command of the program with the settings of the site.
func (s *site) ask(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	code = app.Run(context.Background(), args, s.lookup, &out, &errs)
	return code, out.String(), errs.String()
}

// With everything there the doctor finds nothing; each thing that is wrong is a
// line with its cure.
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

	code, stdout, stderr := s.ask("doctor")
	require.Zero(t, code, stdout+stderr)
	require.Contains(t, stdout, "ok    kafka     "+broker.Addrs()[0]+", the master will create its topics: master-signal, worker-signal, worker-connection, master-heartbeat")
	require.Contains(t, stdout, "ok    input     "+filepath.Join(s.dir, "in")+" can be read, files: 1, bytes: 21")
	require.Contains(t, stdout, "ok    results   ")
	require.Contains(t, stdout, "ok    api       127.0.0.1:"+s.vars["API_SERVER_PORT"]+" is free")
	require.NotContains(t, stdout, "FAIL")

	s.vars["KAFKA_BROKER_ADDRESS"] = "127.0.0.1:" + infratest.FreePort(t)
	s.vars["REDIS_URL"] = "redis://" + state.Addr()
	s.vars["INPUT_DIR"] = "elsewhere"
	code, stdout, stderr = s.ask("doctor")
	require.Equal(t, app.ExitCannot, code)
	require.Contains(t, stdout, "FAIL  kafka     ping 127.0.0.1:")
	require.Contains(t, stdout, "no broker listens there, start it or correct KAFKA_BROKER_ADDRESS")
	require.Contains(t, stdout, "FAIL  redis     redis at "+state.Addr())
	require.Contains(t, stdout, "FAIL  input     input folder "+filepath.Join(s.dir, "elsewhere")+" does not exist: create it, or set CLIENT_DATA_PATH and INPUT_DIR")
	require.Contains(t, stderr, "3 of 5 checks failed")
	require.NotContains(t, stdout+stderr, "secret")
}

// A share that is away, and settings that cannot even be tried.
func TestDoctorCannotTry(t *testing.T) {
	s := newSite(t)
	s.vars["SMB_HOST"], s.vars["SMB_PORT"], s.vars["SMB_USER"], s.vars["SMB_PASSWORD"] = "127.0.0.1", infratest.FreePort(t), "reader", "canary"
	s.vars["CLIENT_DATA_PATH"] = "a*b"
	code, stdout, _ := s.ask("doctor")
	require.Equal(t, app.ExitCannot, code)
	require.Contains(t, stdout, `share "a*b" is not the name of a share`)
	require.Contains(t, stdout, "ok    kafka     embedded broker")
	require.Contains(t, stdout, "ok    state     ")

	s.vars["CLIENT_DATA_PATH"] = "share"
	code, stdout, stderr := s.ask("doctor")
	require.Equal(t, app.ExitCannot, code)
	require.Contains(t, stdout, "127.0.0.1:"+s.vars["SMB_PORT"]+" refuses the connection: check that the file server runs there and that SMB_PORT is right")
	require.NotContains(t, stdout+stderr, "canary")

	ca := filepath.Join(s.dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte("no certificate"), 0o644))
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["KAFKA_TLS"], s.vars["KAFKA_TLS_CA_FILE"] = "127.0.0.1:9", "true", ca
	_, stdout, _ = s.ask("doctor")
	require.Contains(t, stdout, "FAIL  kafka     read CA file: "+ca+" holds no PEM certificate")
}

// Beside a running master the doctor tells what that says, and healthcheck asks
// it alone.
func TestHealthcheck(t *testing.T) {
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"] = "1"
	s.drop("a.txt", numbered(3))
	code, _, stderr := s.ask("healthcheck")
	require.Equal(t, app.ExitCannot, code)
	require.Contains(t, stderr, "no master answers: ")

	s.spawn(roleMaster)
	require.Eventually(t, func() bool {
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	code, stdout, stderr := s.ask("healthcheck")
	require.Zero(t, code, stderr)
	require.Equal(t, "ready: leader, term 1\n", stdout)
	s.vars["API_LISTEN"] = "0.0.0.0" // the question goes to loopback all the same
	code, stdout, stderr = s.ask("healthcheck", "--live")
	require.Zero(t, code, stderr)
	require.Equal(t, "ok\n", stdout)
	code, stdout, stderr = s.ask("doctor")
	require.Zero(t, code, stdout+stderr)
	require.Contains(t, stdout, "ok    api       a master answers at 127.0.0.1:"+s.vars["API_SERVER_PORT"]+": ready: leader, term 1")
}
