package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// kafkaSite is a site with a Kafka of its own and the state in a folder.
func kafkaSite(t *testing.T, cfg infratest.KafkaConfig) (*site, *infratest.KafkaServer) {
	t.Helper()
	k := infratest.StartKafka(t, cfg)
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["BATCH_SIZE"] = k.Address(), "10"
	return s, k
}

// A file is completed while its broker is killed, is away, hangs, and comes back without its
// records.
func TestKafkaFaultsLoseNoLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s, k := kafkaSite(t, infratest.KafkaConfig{})
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	workers := s.slowWorkers()
	items := numbered(10_000)
	s.drop("a.txt", items)
	s.awaitResults(60)
	back := func(what string, work int) {
		t.Helper()
		at := time.Now()
		s.awaitResults(1)
		first := time.Since(at)
		s.awaitResults(work)
		t.Logf("%s: the next chunk ended %v after the broker's return, %d more %v after it", what, first, work, time.Since(at))
	}

	k.Kill()
	k.Start()
	back("kill -9", 60)

	k.Kill()
	require.Eventually(t, func() bool {
		status, body := s.get("/readyz")
		return status == 503 && strings.Contains(body, "kafka: ")
	}, 30*time.Second, 20*time.Millisecond)
	time.Sleep(outage(t, 5*time.Second)) // the length of the outage is what is tested
	k.Start()
	back("away", 60)
	require.Eventually(t, func() bool { status, _ := s.get("/readyz"); return status == 200 }, 20*time.Second, 20*time.Millisecond)

	k.Stop()
	time.Sleep(outage(t, 12*time.Second)) // longer than the time-out of a request
	k.Continue()
	back("stopped", 60)

	k.Kill()
	k.ForgetRecords()
	k.Start()
	back("records lost", 60)

	k.Tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", k.Address(), "--delete", "--topic", "master-signal")
	back("topic deleted", 60)

	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(10_000, 0)), 1)
	require.Equal(t, app.ExitOK, m.terminate())
	for _, w := range workers {
		require.Equal(t, app.ExitOK, w.terminate())
	}
	s.sameItems(items, s.plainResults("a.txt"))
	require.Less(t, strings.Count(m.out.text(), "\n"), 2000, "no loop fills the log")
}

// A chunk that the broker refuses as too large is dead, with the reason. The other chunks
// are completed.
func TestChunkThatTheBrokerRefusesIsDead(t *testing.T) {
	t.Parallel()
	s, k := kafkaSite(t, infratest.KafkaConfig{Properties: []string{"message.max.bytes=20000"}})
	_ = k
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.slowWorkers()
	items := numbered(100)
	items[55] = strings.Repeat("x", 30_000)
	s.drop("a.txt", items)
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(100, 10)), 1)
	dead := m.out.lines(isChunkDead)
	require.Len(t, dead, 1)
	require.Contains(t, dead[0].text("reason"), messages.ErrTooLarge.Error())
	require.Equal(t, app.ExitOK, m.terminate())
	done, err := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, done, 9)
}
