package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"kafka-master/infra/kafkabus"
	"kafka-master/infra/redisstore"
	"kafka-master/infra/settings"
	"kafka-master/selftest"
)

// deployment is what a self-test runs.
type deployment struct {
	s        settings.Settings
	dir, id  string
	program  string
	broker   string
	apiPorts []int
}

// shared reports whether state and Kafka are those of the settings, so that two masters
// can run.
func (d *deployment) shared() bool { return d.s.RedisURL.IsSet() && !d.s.EmbeddedBroker() }

// reservePorts finds free ports. They are free again until the masters listen.
func (d *deployment) reservePorts() error {
	free := func() (int, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	masters := 1
	if d.shared() {
		masters = 2
	}
	for range masters {
		port, err := free()
		if err != nil {
			return err
		}
		d.apiPorts = append(d.apiPorts, port)
	}
	d.broker = strings.Join(d.s.KafkaBrokers, ",")
	if d.s.EmbeddedBroker() {
		port, err := free()
		if err != nil {
			return err
		}
		d.broker = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return nil
}

// places names what is used.
func (d *deployment) places() string {
	kafka, state := "an embedded broker", "an embedded state"
	if !d.s.EmbeddedBroker() {
		kafka = "topics " + d.id + "-* at " + d.broker
	}
	if d.s.RedisURL.IsSet() {
		state = "keys {" + d.id + "}:* in Redis"
	}
	return fmt.Sprintf("%d master, %d workers, %s, %s", len(d.apiPorts), selftestWorkers, kafka, state)
}

func (d *deployment) topics() []string {
	return []string{d.id + "-chunks", d.id + "-signals", d.id + "-connection", d.id + "-heartbeat"}
}

func (d *deployment) config(c command, f selftestFlags, bus *kafkabus.Bus) selftest.Config {
	cfg := selftest.Config{
		Dir: d.dir, Seed: f.seed, For: f.during, Env: d.env, Topics: d.topics(), Wire: bus, API: &selftestAPI{ports: d.apiPorts}, Out: c.stdout,
	}
	for range d.apiPorts {
		cfg.Masters = append(cfg.Masters, []string{d.program})
	}
	for range selftestWorkers - 1 {
		cfg.Workers = append(cfg.Workers, []string{d.program, "worker", "--exec", selftestCommand, "--parallel", "2"})
	}
	cfg.Workers = append(cfg.Workers, []string{d.program, "worker", "--each", selftestEach, "--shell", "--jobs", "4"})
	return cfg
}

// env is the environment of a process: that of this one without the settings in it, and
// those of the deployment.
func (d *deployment) env(name string) []string {
	var env []string
	ours := map[string]bool{}
	for _, v := range settings.Variables() {
		ours[v.Name] = true
	}
	for _, x := range os.Environ() {
		if key, _, _ := strings.Cut(x, "="); !ours[strings.TrimSuffix(key, "_FILE")] && !ours[key] {
			env = append(env, x)
		}
	}
	topics := d.topics()
	set := map[string]string{
		"CLIENT_DATA_PATH": d.dir, "INPUT_DIR": selftest.InputFolder, "RESULTS_DIR": filepath.Join(d.dir, selftest.ResultsFolder),
		"DATA_DIR": filepath.Join(d.dir, "data"), "REDIS_PREFIX": d.id, "SETTLE": "0s", "BATCH_SIZE": "100", "EMBEDDED_WORKERS": "0", "MERGE": "false",
		"KAFKA_TOPIC_NAME_MASTER": topics[0], "KAFKA_TOPIC_NAME_WORKER": topics[1], "KAFKA_TOPIC_NAME_WORKER_FREE": topics[2], "KAFKA_MASTER_HEARTBEAT_TOPIC": topics[3],
		"KAFKA_PARTITIONS": "4", "KAFKA_GROUP_ID": d.id, "KAFKA_WORKER_GROUP": d.id + "-workers", "LOG_FORMAT": "text",
		"WORKER_ID": name, "MASTER_ID": name, "API_LISTEN": "127.0.0.1", "API_SERVER_PORT": strconv.Itoa(d.apiPorts[0]),
	}
	if n, ok := strings.CutPrefix(name, "master-"); ok && n == "2" {
		set["API_SERVER_PORT"] = strconv.Itoa(d.apiPorts[1])
	}
	if d.s.EmbeddedBroker() {
		_, port, _ := net.SplitHostPort(d.broker)
		set["KAFKA_BROKER_PORT"] = port
	}
	if !d.s.EmbeddedBroker() || strings.HasPrefix(name, "worker-") {
		set["KAFKA_BROKER_ADDRESS"] = d.broker
	}
	for _, key := range connecting {
		if d.s.IsSet(key) {
			set[key] = d.s.Raw(key)
		}
	}
	for key, value := range set {
		env = append(env, key+"="+value)
	}
	slices.Sort(env)
	return env
}

// remove removes everything that the deployment left.
func (d *deployment) remove(bus *kafkabus.Bus) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if !d.s.EmbeddedBroker() {
		errs = append(errs, bus.Delete(ctx, d.topics()))
	}
	if d.s.RedisURL.IsSet() {
		errs = append(errs, d.forgetState(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// forgetState removes the keys of the deployment from Redis.
func (d *deployment) forgetState(ctx context.Context) error {
	store, err := redisstore.Open(redisstore.Config{URL: d.s.RedisURL.Reveal(), CAFile: d.s.RedisTLSCAFile, Prefix: d.id, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer store.Close()
	return store.Forget(ctx)
}
