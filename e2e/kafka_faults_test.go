package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/infratest"
)

// kafkaSite is a site on a Kafka of its own, with the state in a file.
func kafkaSite(t *testing.T, cfg infratest.KafkaConfig) (*site, *infratest.KafkaServer) {
	t.Helper()
	k := infratest.StartKafka(t, cfg)
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["BATCH_SIZE"] = k.Address(), "10"
	return s, k
}

// One file goes to its end while its broker is killed, is away, hangs, and comes
// back without its records.
func TestKafkaFaultsLoseNoLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s, k := kafkaSite(t, infratest.KafkaConfig{})
	m := s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
	workers := s.slowWorkers()
	items := numbered(10_000)
	s.drop("a.txt", items)
	s.more(60)
	back := func(what string, work int) {
		t.Helper()
		at := time.Now()
		s.more(1)
		first := time.Since(at)
		s.more(work)
		t.Logf("%s: the next chunk ended %v after the broker's return, %d more %v after it", what, first, work, time.Since(at))
	}

	k.Kill()
	k.Start()
	back("kill -9", 60)

	k.Kill()
	require.Eventually(t, func() bool {
		status, body := s.get("/readyz")
		return status == 503 && strings.Contains(body, "kafka: ") &&
			(strings.Contains(body, "start it or correct KAFKA_BROKER_ADDRESS") || strings.Contains(body, "the broker closed the connection"))
	}, 30*time.Second, 20*time.Millisecond)
	time.Sleep(away(t, 5*time.Second)) // how long it is away is what is tested
	k.Start()
	back("away", 60)
	require.Eventually(t, func() bool { status, _ := s.get("/readyz"); return status == 200 }, 20*time.Second, 20*time.Millisecond)

	k.Stop()
	time.Sleep(away(t, 12*time.Second)) // longer than a request waits
	k.Continue()
	back("stopped", 60)

	k.Kill()
	k.ForgetRecords()
	k.Start()
	back("records lost", 60)

	k.Tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", k.Address(), "--delete", "--topic", "master-signal")
	back("topic deleted", 60)

	m.out.await(t, `"msg":"input file ended"`)
	require.Contains(t, m.out.text(), `"items":10000,"done":10000,"dead":0`)
	require.Equal(t, app.ExitOK, m.terminate())
	for _, w := range workers {
		require.Equal(t, app.ExitOK, w.terminate())
	}
	s.sameItems(items, s.texts("a.txt"))
	require.Less(t, strings.Count(m.out.text(), "\n"), 2000, "no hot loop fills the log")
}

// A chunk that the broker refuses as too large is dead with the reason; the others
// go on.
func TestChunkThatTheBrokerRefusesIsDead(t *testing.T) {
	t.Parallel()
	s, k := kafkaSite(t, infratest.KafkaConfig{Properties: []string{"message.max.bytes=20000"}})
	_ = k
	m := s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
	s.slowWorkers()
	items := numbered(100)
	items[55] = strings.Repeat("x", 30_000)
	s.drop("a.txt", items)
	m.out.await(t, `"msg":"input file ended"`)
	require.Contains(t, m.out.text(), `"items":100,"done":90,"dead":10`)
	require.Contains(t, m.out.text(), `"msg":"chunk is dead"`)
	require.Contains(t, m.out.text(), "too large")
	require.Equal(t, app.ExitOK, m.terminate())
	done, err := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, done, 9)
}
