//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
)

// servers are what tests and masters are pointed at; what is missing is empty.
type servers struct{ broker, jars, redis, pythons, share string }

// startServers starts Kafka and Redis where they are installed.
func startServers(h *host) *servers {
	cache, err := os.UserCacheDir()
	require.NoError(h, err)
	s := &servers{broker: os.Getenv("KAFKA_TEST_BROKER"), redis: os.Getenv("REDIS_TEST_URL"), pythons: os.Getenv("CLASSIC_PYTHON")}
	if jars := filepath.Join(cache, "kafka-master", "kafka"); has("java") && complete(jars) {
		s.jars = jars
		require.NoError(h, os.Setenv("KAFKA_TEST_JARS", jars))
	}
	if s.jars != "" && s.broker == "" {
		var cfg infratest.KafkaConfig
		if delay := os.Getenv("KAFKA_REBALANCE_DELAY_MS"); delay != "" {
			cfg.Properties = []string{"group.initial.rebalance.delay.ms=" + delay}
		}
		s.broker = infratest.StartKafka(h, cfg).Address()
	}
	if s.redis == "" && has("redis-server") {
		s.redis = infratest.StartRedis(h).URL()
	}
	if s.pythons == "" {
		s.pythons = pythons(filepath.Join(cache, "kafka-master", "python"))
	}
	return s
}

// startShare starts a Samba whose folder is share below the host's folder.
func (s *servers) startShare(h *host) {
	if !hasSamba() {
		return
	}
	samba := infratest.StartSamba(h)
	require.NoError(h, os.Symlink(samba.Data, filepath.Join(h.dir, "share")))
	input := filepath.Join(samba.Data, "input_ip_data")
	require.NoError(h, os.Mkdir(input, 0o755))
	samba.Own(h, input)
	s.share = fmt.Sprintf("SMB_HOST=127.0.0.1 SMB_PORT=%d SMB_USER=%s SMB_PASSWORD=%s CLIENT_DATA_PATH=encrypted",
		samba.Port, infratest.SambaUser, infratest.SambaPassword)
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func hasSamba() bool { return has("smbd") && os.Getuid() == 0 }

// complete reports whether the installation of what is in a folder came to its end.
func complete(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, ".complete"))
	return err == nil
}

// pythons lists the interpreters that have the classic workers' library, like PATH.
func pythons(venv string) string {
	var all []string
	if exec.Command("/usr/bin/python3", "-c", "import confluent_kafka").Run() == nil {
		all = append(all, "/usr/bin/python3")
	}
	if complete(venv) {
		all = append(all, filepath.Join(venv, "bin", "python"))
	}
	return strings.Join(all, string(filepath.ListSeparator))
}

func (s *servers) missing() (names []string) {
	add := func(there bool, name string) {
		if !there {
			names = append(names, name)
		}
	}
	add(s.broker != "", "Kafka")
	add(s.jars != "", "Kafka for tests that kill it")
	add(s.redis != "" && has("redis-server"), "Redis")
	add(s.pythons != "", "confluent-kafka")
	add(hasSamba(), "Samba")
	return names
}

// tests returns the variables that point tests at the servers.
func (s *servers) tests() []string {
	return []string{"KAFKA_TEST_BROKER=" + s.broker, "KAFKA_TEST_JARS=" + s.jars, "REDIS_TEST_URL=" + s.redis, "CLASSIC_PYTHON=" + s.pythons}
}

// master returns the variables that point a master at them.
func (s *servers) master() []string {
	vars := []string{"KAFKA_BROKER_ADDRESS=" + s.broker, "REDIS_URL=" + s.redis}
	if s.share != "" {
		vars = append(vars, s.share)
	}
	return vars
}
