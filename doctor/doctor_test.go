package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/doctor"
	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// report runs one check and returns the printed text.
func report(t *testing.T, c doctor.Check) (text string, failed int) {
	t.Helper()
	var out strings.Builder
	failed, err := doctor.Run(context.Background(), &out, doctor.Limit, []doctor.Check{c})
	require.NoError(t, err)
	return strings.TrimSpace(out.String()), failed
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	checks := []doctor.Check{
		doctor.Settings([]string{"one", "two"}),
		doctor.Broken("kafka", errors.New("first\nsecond")),
		doctor.Broken("redis", fmt.Errorf("open: %w: do this", messages.ErrConfig)),
	}
	failed, err := doctor.Run(context.Background(), &out, doctor.Limit, checks)
	require.NoError(t, err)
	require.Equal(t, 2, failed)
	require.Equal(t, "warn  settings  one\nwarn  settings  two\nFAIL  kafka     first second\nFAIL  redis     do this\n", out.String())
}

// A check that hangs is abandoned, and the following ones run.
func TestHanging(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	hang := doctor.Check{Name: "input", Run: func(context.Context) []doctor.Finding { <-end; return nil }}
	var out strings.Builder
	failed, err := doctor.Run(context.Background(), &out, time.Millisecond, []doctor.Check{hang, doctor.Settings([]string{"next"})})
	require.NoError(t, err)
	require.Equal(t, 1, failed)
	require.Equal(t, "FAIL  input     did not answer within 1ms: check the network and the server\nwarn  settings  next\n", out.String())
}

func TestCannotPrint(t *testing.T) {
	t.Parallel()
	_, err := doctor.Run(context.Background(), broken{}, doctor.Limit, []doctor.Check{doctor.Settings([]string{"x"})})
	require.ErrorContains(t, err, "print: closed")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

// cluster is a Kafka cluster with fixed answers.
type cluster struct {
	ping, create error
	topics       []messages.Topic
	advertised   map[string]error
	settings     map[string]map[string]string
}

func (c cluster) Settings(context.Context, []string) (map[string]map[string]string, error) {
	return c.settings, nil
}

func (c cluster) Ping(context.Context) error                            { return c.ping }
func (c cluster) List(context.Context) ([]messages.Topic, error)        { return c.topics, nil }
func (c cluster) Advertised(context.Context) (map[string]error, error)  { return c.advertised, nil }
func (c cluster) Creatable(context.Context, []messages.TopicSpec) error { return c.create }

func TestKafka(t *testing.T) {
	t.Parallel()
	away := errors.New("connection refused")
	all := []messages.Topic{{Name: "chunks", Partitions: 15}, {Name: "signal", Partitions: 1}, {Name: "other", Partitions: 2}}
	for name, x := range map[string]struct {
		c    cluster
		want string
	}{
		"away":        {cluster{ping: errors.New("no broker listens there, start it")}, "FAIL  kafka     no broker listens there, start it"},
		"all there":   {cluster{topics: all}, "ok    kafka     k:9092, topics with their partitions: chunks (15), signal (1)"},
		"none there":  {cluster{}, "ok    kafka     k:9092, the master will create its topics: chunks, signal"},
		"some there":  {cluster{topics: all[:1]}, "ok    kafka     k:9092, topics with their partitions: chunks (15); the master will create signal"},
		"not allowed": {cluster{create: errors.New("denied")}, "FAIL  kafka     k:9092 lacks the topics chunks, signal and does not allow the master to create them: create them yourself, give the user the permission, or correct KAFKA_REPLICATION: denied"},
		"compacted": {cluster{topics: all, settings: map[string]map[string]string{"signal": {"cleanup.policy": "compact,delete"}}},
			"ok    kafka     k:9092, topics with their partitions: chunks (15), signal (1)\n" +
				"warn  kafka     topic signal has cleanup.policy=compact,delete, so Kafka drops messages that nobody has read yet: set it to delete " +
				"(kafka-configs.sh --alter --entity-type topics --entity-name signal --add-config cleanup.policy=delete)"},
		"advertised": {cluster{topics: all, advertised: map[string]error{"a:1": nil, "b:2": away}},
			"FAIL  kafka     Kafka answers at k:9092, but refers its clients to b:2, which cannot be reached from here: advertise an address that this machine can reach (advertised.listeners; KAFKA_PUBLIC_HOST with docker-compose): connection refused"},
	} {
		text, failed := report(t, doctor.Kafka(x.c, []string{"k:9092"}, []messages.TopicSpec{{Name: "chunks"}, {Name: "signal"}}))
		require.Equal(t, x.want, text, name)
		require.Equal(t, strings.HasPrefix(x.want, "FAIL"), failed == 1, name)
	}
}

func TestEmbeddedBroker(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := l.Addr().String()
	text, _ := report(t, doctor.EmbeddedBroker(at, true))
	require.Contains(t, text, "warn  kafka     embedded broker, but "+at+" is in use")
	text, _ = report(t, doctor.EmbeddedBroker(at, false))
	require.Contains(t, text, "the master will choose a free port")
	require.NoError(t, l.Close())
	text, failed := report(t, doctor.EmbeddedBroker(at, true))
	require.Contains(t, text, "ok    kafka     embedded broker on "+at)
	require.Zero(t, failed)
}

// server is a Redis server with fixed answers.
type server struct {
	ping, refused error
	info          string
}

func (s server) Ping(context.Context) error           { return s.ping }
func (s server) Info(context.Context) (string, error) { return s.info, s.refused }

func TestState(t *testing.T) {
	t.Parallel()
	const good = "# Server\r\nredis_version:7.0.15\r\nused_memory_human:1M\r\nrole:master\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n"
	for name, x := range map[string]struct {
		s    server
		want []string
	}{
		"good":     {server{info: good}, []string{"ok    redis     answers, version 7.0.15, 1M of memory used, writes are durable"}},
		"password": {server{ping: fmt.Errorf("ping: %w: redis at r wants a password", messages.ErrConfig)}, []string{"FAIL  redis     redis at r wants a password"}},
		"silent":   {server{refused: errors.New("NOPERM")}, []string{"warn  redis     answers, but this user may not read its configuration"}},
		"loses": {server{info: "role:master\naof_enabled:0\nmaxmemory_policy:allkeys-lru"}, []string{
			"warn  redis     loses the last writes when it stops: set appendonly yes",
			"warn  redis     may drop the state when its memory is full (maxmemory-policy allkeys-lru): set maxmemory-policy noeviction"}},
		"replica":   {server{info: "role:slave\nmaster_host:m\nmaster_port:6379"}, []string{"FAIL  redis     is a replica, which accepts no writes: set REDIS_URL to the primary, m:6379"}},
		"disk full": {server{info: "aof_enabled:1\naof_last_write_status:err"}, []string{"FAIL  redis     cannot write its append-only file"}},
	} {
		text, _ := report(t, doctor.State(x.s))
		lines := strings.Split(text, "\n")
		require.Len(t, lines, len(x.want), name)
		for i, want := range x.want {
			require.Contains(t, lines[i], want, name)
		}
	}
}

// files is an input folder with fixed answers.
type files struct {
	list       []messages.FileInfo
	away, read error
}

func (f files) List(context.Context) ([]messages.FileInfo, error) { return f.list, f.away }
func (f files) Fingerprint(context.Context, messages.FileInfo) (uint64, error) {
	return 0, f.read
}

func TestInput(t *testing.T) {
	t.Parallel()
	two := []messages.FileInfo{{Path: "a.txt", Size: 1}, {Path: "b.txt", Size: 2}}
	for want, f := range map[string]files{
		"ok    input     //nas/share/in can be read, files: 2, bytes: 3":   {list: two},
		"warn  input     //nas/share/in contains no *.txt file: put files": {},
		"FAIL  input     nas:445 does not let reader in: wrong password":   {away: fmt.Errorf("list: %w: nas:445 does not let reader in: wrong password", messages.ErrConfig)},
		"FAIL  input     //nas/share/in: a file cannot be read: denied":    {list: two, read: errors.New("denied")},
		"ok    input     //nas/share/in can be read":                       {list: two, read: fmt.Errorf("x: %w", messages.ErrFileChanged)},
	} {
		text, _ := report(t, doctor.Input(f, "//nas/share/in"))
		require.Contains(t, text, want)
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, _ := report(t, doctor.Folder("results", filepath.Join(dir, "new", "deep"), "RESULTS_DIR", true, doctor.Writable))
	require.Equal(t, "ok    results   "+filepath.Join(dir, "new", "deep")+" is writable", text)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left behind")

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	text, failed := report(t, doctor.Folder("results", file, "RESULTS_DIR", true, doctor.Writable))
	require.Contains(t, text, "FAIL  results   "+file+" is not writable: give this user")
	require.Contains(t, text, "or set RESULTS_DIR: write "+file+": not a folder")
	require.Equal(t, 1, failed)
	text, failed = report(t, doctor.Folder("results", file, "RESULTS_DIR", false, doctor.Writable))
	require.Contains(t, text, "warn  results   "+file+" is not writable for this process, which matters only if workers run here")
	require.Zero(t, failed)

	tried := ""
	text, failed = report(t, doctor.Folder("results", filepath.Join(dir, "new", "deep"), "RESULTS_DIR", true, func(folder string) error {
		tried = folder
		return errors.New("rename: input/output error")
	}))
	require.Equal(t, dir, tried)
	require.Contains(t, text, "or set RESULTS_DIR: rename: input/output error")
	require.Equal(t, 1, failed)
}

func TestAPI(t *testing.T) {
	t.Parallel()
	body, status, workers := "ready: leader, term 7\nworkers: none is known", http.StatusOK, "{}"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/readyz":
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprint(w, workers)
		}
	}))
	defer s.Close()
	at := s.Listener.Addr().String()

	text, failed := report(t, doctor.API(at, at, "secret"))
	require.Equal(t, "ok    api       a master answers at "+at+": ready: leader, term 7\n"+
		"warn  api       the master reports: workers: none is known\n"+
		"warn  api       the master has no workers", text)
	require.Zero(t, failed)

	body, status, workers = "not ready: kafka: is away\nkafka: is away", http.StatusServiceUnavailable, `{"a":"1","b":"0"}`
	text, failed = report(t, doctor.API(at, at, "secret"))
	require.Equal(t, "FAIL  api       a master answers at "+at+": not ready: kafka: is away\nok    api       2 workers, 1 with a free slot", text)
	require.Equal(t, 1, failed)

	text, _ = report(t, doctor.API(at, at, "wrong"))
	require.Contains(t, text, "it was started with another API_TOKEN")

	body = "<html>"
	text, failed = report(t, doctor.API(at, at, ""))
	require.Equal(t, "FAIL  api       "+at+" is in use by another program: set API_SERVER_PORT to a free port, or stop that program", text)
	require.Equal(t, 1, failed)

	s.Close()
	text, _ = report(t, doctor.API(at, at, ""))
	require.Equal(t, "ok    api       "+at+" is free, no master runs here", text)
	text, _ = report(t, doctor.API("192.0.2.1:80", at, ""))
	require.Contains(t, text, "FAIL  api       cannot listen on 192.0.2.1:80: correct API_LISTEN and API_SERVER_PORT")
}
