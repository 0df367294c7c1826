package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kafka-master/app"
)

// realSite is a site with a real Kafka and a real Redis: those that `make test` starts, or
// those in the environment. It has topics of its own, and uses the Redis database db, which
// no other test may use.
func realSite(t *testing.T, db int) *site {
	t.Helper()
	broker, url := os.Getenv("KAFKA_TEST_BROKER"), os.Getenv("REDIS_TEST_URL")
	if broker == "" || url == "" {
		t.Skip("KAFKA_TEST_BROKER and REDIS_TEST_URL are not set: make test starts both, make services-install installs them")
	}
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	url = strings.TrimSuffix(url, "/") + "/" + strconv.Itoa(db)
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["REDIS_URL"] = broker, url
	suffix := "-" + filepath.Base(filepath.Dir(s.dir)) + time.Now().Format("150405.000")
	for name, topic := range map[string]string{
		"KAFKA_TOPIC_NAME_MASTER": "chunks", "KAFKA_TOPIC_NAME_WORKER": "signals",
		"KAFKA_TOPIC_NAME_WORKER_FREE": "connections", "KAFKA_MASTER_HEARTBEAT_TOPIC": "masters",
	} {
		s.vars[name] = topic + suffix
	}
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	require.NoError(t, client.FlushDB(t.Context()).Err())
	return s
}

// Workers and the master are killed in the middle of a file, and every line has one result.
func TestRealKafkaAndRedisAccountForEveryLine(t *testing.T) {
	t.Parallel()
	s := realSite(t, 9)
	items := numbered(150_000)
	s.drop("a.txt", items)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	worker := func(id string) *process {
		return s.command(roleMaster, []string{"worker", "--results", filepath.Join(s.dir, "data", "results")}, "WORKER_ID="+id)
	}
	ws := []*process{worker("w0"), worker("w1"), worker("w2")}
	some := func(n int) {
		require.Eventually(t, func() bool {
			done, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
			return len(done) >= n
		}, time.Minute, 10*time.Millisecond)
	}
	some(40)
	ws[0].kill()
	ws[0] = worker("w0")
	some(90)
	m.kill()
	m = s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	some(150)
	require.Equal(t, app.ExitOK, m.terminate())
	m = s.spawn(roleMaster)
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(150_000, 0)), 1)
	require.Equal(t, app.ExitOK, m.terminate())
	require.Equal(t, app.ExitOK, ws[1].terminate())
	s.sameItems(items, s.results("a.txt"))
}

// python returns an interpreter with the client library of the classic workers.
func python(t *testing.T) string {
	t.Helper()
	const debian = "/usr/bin/python3" // has the packages of the system, whatever python3 in PATH is
	if err := exec.Command(debian, "-c", "import confluent_kafka").Run(); err != nil {
		t.Skip("python3-confluent-kafka is not installed: make services-install installs it")
	}
	return debian
}

// Classic workers join, are killed and suspended, and fail chunks without reporting it, but
// every line is done.
func TestClassicWorkersComeAndGoOnRealKafka(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 40 s")
	}
	interpreter := python(t)
	s := realSite(t, 10)
	suffix := strings.TrimPrefix(s.vars["KAFKA_TOPIC_NAME_MASTER"], "chunks")
	s.vars["KAFKA_WORKER_GROUP"], s.vars["BATCH_SIZE"] = "classic"+suffix, "25"
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	join := func(id string) *process {
		return s.start(exec.Command(interpreter, classicScript(t), s.vars["KAFKA_BROKER_ADDRESS"], id, "0.01", "0.02", suffix))
	}
	members := []*process{join("c0"), join("c1"), join("c2")}
	require.Eventually(t, func() bool {
		_, body := s.get("/api/getWorkersStatus")
		return body == `{"c0":"1","c1":"1","c2":"1"}`
	}, 30*time.Second, 50*time.Millisecond)
	s.drop("a.txt", numbered(3000))
	m.out.awaitLine(t, isFileTaken)
	busy := func(id string) {
		require.Eventually(t, func() bool {
			_, body := s.get("/api/getWorkersStatus")
			return strings.Contains(body, `"`+id+`":"0"`)
		}, 20*time.Second, 20*time.Millisecond)
	}
	busy("c0")
	members[0].kill()
	members = append(members, join("c3"))
	// Wait until the group has dropped the dead worker and the new one has partitions. A
	// worker that died between the first and the third message about its chunk looks like
	// one with a slow item, so its session of 60 s may have to end first.
	require.Eventually(t, func() bool {
		_, body := s.get("/api/getWorkersStatus")
		return strings.Contains(body, `"c3":"`)
	}, 100*time.Second, 20*time.Millisecond)
	busy("c1")
	require.NoError(t, members[1].cmd.Process.Signal(syscall.SIGSTOP))
	busy("c3")
	require.NoError(t, members[1].cmd.Process.Signal(syscall.SIGCONT))
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(3000, 0)), 1)
	require.Equal(t, app.ExitOK, m.terminate())
}

func classicScript(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../infra/infratest/classicworker/worker.py")
	require.NoError(t, err)
	return path
}
