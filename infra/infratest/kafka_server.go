package infratest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaServer is a real broker of a test's own, on loopback: one process that is
// broker and controller. It can be killed, stopped and started again.
type KafkaServer struct {
	t    testing.TB
	dir  string
	port string
	jars string
	daemon
}

// KafkaConfig is what a test wants to be other than usual.
type KafkaConfig struct {
	// Listeners are added to the plain one: name to port. Their names are mapped
	// by listener.security.protocol.map in Properties.
	Listeners map[string]string
	// Properties are added to the broker's properties; a repeated key wins.
	Properties []string
	// Scram are users as StorageTool takes them, such as
	// SCRAM-SHA-256=[name=n,password=p].
	Scram []string
}

// StartKafka starts a broker that ends with the test. KAFKA_TEST_JARS names the
// folder of its jars; without it the test is skipped.
func StartKafka(t testing.TB, cfg KafkaConfig) *KafkaServer {
	t.Helper()
	notShort(t)
	k := &KafkaServer{t: t, jars: os.Getenv("KAFKA_TEST_JARS"), dir: t.TempDir(), port: FreePort(t)}
	if k.jars == "" {
		t.Skip("KAFKA_TEST_JARS is not set: make test sets it, make services-install installs the broker")
	}
	k.configure(cfg)
	format := []string{"kafka.tools.StorageTool", "format", "-t", "km-test-cluster-00000A", "-c", k.file("server.properties")}
	for _, user := range cfg.Scram {
		format = append(format, "--add-scram", user)
	}
	out, err := k.java(format...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		k.Continue()
		k.Kill()
	})
	k.Start()
	return k
}

func (k *KafkaServer) file(name string) string { return filepath.Join(k.dir, name) }

func (k *KafkaServer) configure(cfg KafkaConfig) {
	k.t.Helper()
	controller := FreePort(k.t)
	listeners := "PLAINTEXT://127.0.0.1:" + k.port
	for name, port := range cfg.Listeners {
		listeners += fmt.Sprintf(",%s://127.0.0.1:%s", name, port)
	}
	lines := append([]string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@127.0.0.1:" + controller,
		"listeners=" + listeners + ",CONTROLLER://127.0.0.1:" + controller, "advertised.listeners=" + listeners,
		"controller.listener.names=CONTROLLER", "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.dirs=" + k.file("data"), "auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=1",
		"group.initial.rebalance.delay.ms=0", "log.cleaner.dedupe.buffer.size=4194304",
		"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500",
	}, cfg.Properties...)
	require.NoError(k.t, os.WriteFile(k.file("server.properties"), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

func (k *KafkaServer) java(args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(k.jars, "*")}, args...)...)
}

// Address is the host:port of the plain listener.
func (k *KafkaServer) Address() string { return "127.0.0.1:" + k.port }

// Start starts the broker with the data that it left, and waits until it answers.
func (k *KafkaServer) Start() {
	k.t.Helper()
	var out bytes.Buffer
	k.cmd = k.java("kafka.Kafka", k.file("server.properties"))
	k.cmd.Stdout, k.cmd.Stderr = &out, &out
	require.NoError(k.t, k.cmd.Start())
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Address()))
	require.NoError(k.t, err)
	defer client.Close()
	require.Eventually(k.t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return client.Ping(ctx) == nil
	}, time.Minute, 20*time.Millisecond, "Kafka does not start")
}

// ForgetRecords removes all records, of a broker that was killed; topics stay.
func (k *KafkaServer) ForgetRecords() {
	k.t.Helper()
	logs, err := filepath.Glob(k.file("data/*-*"))
	require.NoError(k.t, err)
	require.NotEmpty(k.t, logs)
	for _, dir := range logs {
		if base := filepath.Base(dir); !strings.HasPrefix(base, "__cluster_metadata") {
			require.NoError(k.t, os.RemoveAll(dir))
		}
	}
	for _, name := range []string{"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"} {
		require.NoError(k.t, os.RemoveAll(k.file("data/"+name)))
	}
}

// Tool runs a main class of the broker's tools and returns what it prints.
func (k *KafkaServer) Tool(args ...string) string {
	k.t.Helper()
	out, err := k.java(args...).CombinedOutput()
	require.NoError(k.t, err, "%s", out)
	return string(out)
}
