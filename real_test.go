package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// realSite is a site on a real Kafka and a real Redis: those that `make test`
// starts, or that the variables point at. It uses topics of its own, and the
// Redis database 9.
func realSite(t *testing.T) *site {
	t.Helper()
	broker, url := os.Getenv("KAFKA_TEST_BROKER"), os.Getenv("REDIS_TEST_URL")
	if broker == "" || url == "" {
		t.Skip("KAFKA_TEST_BROKER and REDIS_TEST_URL are not set: make test starts both, make services-install installs them")
	}
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	url = strings.TrimSuffix(url, "/") + "/9"
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

// The same as on the embedded parts: workers and the master are killed in the
// middle, and every line has one result.
func TestRealKafkaAndRedisAccountForEveryLine(t *testing.T) {
	t.Parallel()
	s := realSite(t)
	items := numbered(150_000)
	s.drop("a.txt", items)
	m := s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
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
	m.out.await(t, `"msg":"this master leads"`)
	some(150)
	require.Equal(t, exitOK, m.terminate())
	m = s.spawn(roleMaster)
	m.out.await(t, `"msg":"input file ended"`)
	require.Contains(t, m.out.text(), `"items":150000,"done":150000,"dead":0`)
	require.Equal(t, exitOK, m.terminate())
	require.Equal(t, exitOK, ws[1].terminate())
	s.sameItems(items, s.results("a.txt"))
}
