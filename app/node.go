package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"kafka-master/actors"
	"kafka-master/console"
	"kafka-master/infra/embedded"
	"kafka-master/infra/kafkabus"
	"kafka-master/infra/localfiles"
	"kafka-master/infra/logstore"
	"kafka-master/infra/redisstore"
	"kafka-master/infra/settings"
	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
	"kafka-master/worker"
)

// The implementations of the interfaces of package actors.
var (
	_ actors.Store       = (*logstore.Store)(nil)
	_ actors.Lease       = (*logstore.Store)(nil)
	_ actors.Store       = (*redisstore.Store)(nil)
	_ actors.Lease       = (*redisstore.Store)(nil)
	_ actors.Files       = (*localfiles.Files)(nil)
	_ actors.Files       = (*smbfiles.Files)(nil)
	_ actors.Overlooking = (*localfiles.Files)(nil)
	_ actors.Overlooking = (*smbfiles.Files)(nil)
	_ actors.Readiness   = (*smbfiles.Files)(nil)
	_ actors.Stamped     = (*localfiles.Files)(nil)
	_ actors.Stamped     = (*smbfiles.Files)(nil)
	_ actors.Producer    = (*kafkabus.Bus)(nil)
	_ actors.Consumer    = (*kafkabus.Bus)(nil)
	_ actors.Topics      = (*kafkabus.Bus)(nil)
	_ actors.Groups      = (*kafkabus.Bus)(nil)
)

// node is a running master with all its parts. They are closed in the reverse order of their
// opening.
type node struct {
	s        settings.Settings
	level    *logLevel // of log and muted
	log      *slog.Logger
	muted    *slog.Logger // for the embedded workers, which the console shows already
	stdout   io.Writer
	terminal bool // stdout is a terminal

	closers []func()
	brokers []string
	dial    dialer // to the embedded broker
	parts   actors.Parts
	sys     *actors.System
	api     net.Listener
	failed  chan error     // receives the error of a part that must not end
	writes  sync.WaitGroup // writes in progress, see leaveDeployment

	instrument Instrument // nil but in a measurement
}

// runMaster runs a master until ctx ends or it cannot continue.
func (c command) runMaster(ctx context.Context, s settings.Settings) error {
	stdout, stderr := c.stdout, c.stderr
	person := console.IsTerminal(stderr) && !s.IsSet("LOG_LEVEL")
	if person {
		s.LogLevel = slog.LevelWarn // a person reads the lines of the console
	}
	defer outliveReaders()()
	level := newLogLevel(s.LogLevel)
	log, muted, closeLog := openLog(s, level, stderr)
	defer closeLog()
	if person && console.IsTerminal(stdout) {
		log = slog.New(without{log.Handler(), actors.ProblemMessage}) // the console shows problems
	}
	out := newSpool(stdout, nil)
	defer out.close()
	n := &node{s: s, level: level, log: log, muted: muted, stdout: out, terminal: console.IsTerminal(stdout), failed: make(chan error, 1), instrument: c.instrument}
	slog.SetDefault(n.log)
	boundMemory(n.log)
	redis.SetLogger(quiet{})
	defer n.close()
	for _, w := range s.Warnings() {
		n.log.Warn(w)
	}
	for _, open := range []func() error{n.openAPI, n.openState, n.openBroker, n.openBus, n.openFiles} {
		if err := open(); err != nil {
			return err
		}
	}
	n.onClose(n.writes.Wait)
	return n.run(ctx)
}

// run starts the actors and what uses them, waits for the end, and stops them in order.
func (n *node) run(ctx context.Context) error {
	cfg := n.config()
	if n.instrument != nil {
		n.instrument(&cfg, &n.parts)
	}
	n.parts.Merger = n.newMerger()
	n.sys = actors.Start(cfg, n.parts, n.log)
	stopAPI := n.serveAPI()
	stopWorkers := n.startWorkers()
	stopConsole := n.startConsole()
	var cause error
	select {
	case <-ctx.Done():
	case <-n.sys.Done():
		if cause = n.sys.Err(); cause == nil {
			cause = errors.New("the master failed: see the log above")
		}
	case cause = <-n.failed:
	}
	n.log.Info("stopping")
	stopAPI()
	stopWorkers()
	n.awaitGoodbyes()
	stopConsole()
	stopped, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := n.sys.Stop(stopped); err != nil && cause == nil {
		n.log.Warn("the master did not stop in time; the next start continues from the stored state", "err", err)
	}
	return cause
}

func (n *node) close() {
	for _, release := range slices.Backward(n.closers) {
		release()
	}
}

func (n *node) onClose(f func()) { n.closers = append(n.closers, f) }

// openAPI listens on the port of the API before anything else starts.
func (n *node) openAPI() error {
	l, err := net.Listen("tcp", n.s.APIAddress())
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is in use by another program: set API_SERVER_PORT to a free one, or stop that program", n.s.APIServerPort)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w: check API_LISTEN and API_SERVER_PORT", n.s.APIAddress(), err)
	}
	n.api = l
	n.onClose(func() { l.Close() })
	return nil
}

func (n *node) openState() error {
	if n.s.RedisURL.IsSet() {
		store, err := openRedis(n.s, n.log)
		if err != nil {
			return fmt.Errorf("open the state store: %w", err)
		}
		n.parts.Store, n.parts.Lease = store, store
		n.onClose(func() { store.Close() })
		return nil
	}
	// State and records contain lines of the input. An existing folder keeps its rights,
	// since it may contain results for other users.
	if err := os.MkdirAll(n.s.DataDir, 0o700); err != nil {
		return fmt.Errorf("create DATA_DIR: %w", err)
	}
	store, err := logstore.Open(logstore.Config{
		Dir: n.stateDir(), Sync: n.stateSync(), Former: filepath.Join(n.s.DataDir, "state.db"), Logger: n.log,
	})
	if err != nil {
		return fmt.Errorf("open the state store: %w", err)
	}
	n.parts.Store, n.parts.Lease = store, store
	n.onClose(func() { store.Close() })
	return nil
}

// stateDir returns the folder of the embedded store.
func (n *node) stateDir() string { return stateFolder(n.s) }

func (n *node) stateSync() logstore.Sync {
	if n.s.StateSync == "always" {
		return logstore.SyncAlways
	}
	return logstore.SyncEverySecond
}

// openBroker starts the embedded broker unless another one is configured. If its default port
// is in use, it uses a free one.
func (n *node) openBroker() error {
	if n.brokers = n.s.KafkaBrokers; len(n.brokers) > 0 {
		return nil
	}
	port := n.s.KafkaBrokerPort
	err := n.startBroker(port)
	if !errors.Is(err, embedded.ErrPortInUse) {
		return err
	}
	if n.s.IsSet("KAFKA_BROKER_PORT") {
		return fmt.Errorf("port %d is in use by another program: set KAFKA_BROKER_PORT to a free one, or KAFKA_BROKER_ADDRESS to your own Kafka", port)
	}
	n.log.Info("the port of the embedded broker is in use, a free one is used", "port", port)
	return n.startBroker(0)
}

// startBroker starts the embedded broker on a port, on a free one for 0.
func (n *node) startBroker(port int) error {
	b, err := embedded.Start(embedded.Config{
		DataDir: filepath.Join(n.s.DataDir, "kafka"), Port: port, Logger: n.log,
		Partitions: n.s.KafkaPartitions + 3, // three are those of the other topics
	})
	if err != nil {
		return fmt.Errorf("start the embedded broker: %w", err)
	}
	n.brokers, n.dial = b.Addrs(), b.Dial
	n.onClose(func() { b.Close() })
	return nil
}

func (n *node) openBus() error {
	bus, err := newBus(n.s, n.brokers, n.dial, n.log)
	if err != nil {
		return err
	}
	n.parts.Producer, n.parts.Consumer, n.parts.Topics, n.parts.Groups = bus, bus, bus, bus
	n.onClose(func() { bus.Close() })
	return nil
}

func (n *node) openFiles() error {
	if n.s.SMBHost == "" {
		n.parts.Files = localfiles.New(n.s.InputPath())
		return nil
	}
	// The library allocates 1 MiB for every answer. With a small heap the garbage
	// collector would run all the time.
	debug.SetGCPercent(200)
	files, err := newShare(n.s, 0, n.log)
	if err != nil {
		return fmt.Errorf("set up the share: %w", err)
	}
	n.parts.Files = files
	n.onClose(func() { files.Close() })
	return nil
}

func (n *node) config() actors.Config {
	cfg := actors.Config{
		MasterID: n.s.MasterID, API: n.s.APIAdvertise, Version: build().version, Input: n.inputName(),
		ChunkTopic: n.s.ChunkTopic, SignalTopic: n.s.SignalTopic, ConnectionTopic: n.s.ConnectionTopic, HeartbeatTopic: n.s.MasterHeartbeatTopic,
		Partitions: n.s.KafkaPartitions, Replication: n.s.KafkaReplication, Group: n.s.KafkaGroupID, WorkerGroup: n.s.KafkaWorkerGroup,
		BatchSize: n.s.BatchSize, BatchSizeText: n.s.Raw("BATCH_SIZE"), WorkerTimeout: n.s.WorkerTimeout,
		WorkerCommand: workerCommand(os.Args[0], n.s, n.brokers),
		MaxAttempts:   n.s.MaxAttempts, Bisect: n.s.Bisect, MaxDead: n.s.MaxDead, Prefetch: n.prefetch(), Backup: backupModes[n.s.Backup], Settle: n.s.Settle, Archive: n.s.Archive,
	}
	if n.level != nil {
		cfg.OnLogLevel = n.level.use
	}
	cfg.TopicConfig = topicConfig(n.s.KafkaReplication)
	if n.s.EmbeddedBroker() {
		cfg.TopicConfig = embedded.TopicConfig()
		cfg.OnDeployment = n.leaveDeployment
	}
	return cfg
}

// inputName returns the input folder in a form that masters on different machines can compare.
func (n *node) inputName() string {
	if n.s.SMBHost != "" {
		return n.s.InputPath()
	}
	path, err := filepath.Abs(n.s.InputPath())
	if err != nil {
		return n.s.InputPath()
	}
	return path
}

// topicConfig returns the settings of topics that are created on a Kafka of the user, whose
// default may be compaction. With three or more replicas a write has to reach two of them
// before it is acknowledged. With two replicas that would stop all work when one broker is
// away, so they keep the default of the broker.
func topicConfig(replication int) map[string]string {
	config := map[string]string{messages.CleanupPolicy: messages.CleanupDelete}
	if replication >= 3 {
		config["min.insync.replicas"] = "2"
	}
	return config
}

// prefetch returns the number of chunks that are queued at a native worker.
func (n *node) prefetch() int {
	if n.s.Prefetch == settings.Auto {
		return actors.PrefetchAuto
	}
	return n.s.Prefetch
}

// backupModes are the values of BACKUP.
var backupModes = map[string]actors.BackupMode{"false": actors.BackupNone, "true": actors.BackupNative, "all": actors.BackupAll}

// startWorkers runs the embedded workers until stop is called.
func (n *node) startWorkers() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	if n.s.EmbeddedWorkers > 0 {
		all.Go(func() { n.keepWorking(ctx, embeddedMembers(n.s.EmbeddedWorkers)) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// embeddedMembers returns the embedded workers. Their ids are fixed, so that after a restart
// the chunks of an old incarnation are taken back as soon as the new one announces itself.
func embeddedMembers(count int) []worker.Member {
	members := make([]worker.Member, count)
	for i := range members {
		members[i].ID = "embedded-" + strconv.Itoa(i+1)
	}
	return members
}

// keepWorking runs the embedded workers, and starts them again if they end.
func (n *node) keepWorking(ctx context.Context, members []worker.Member) {
	cfg, err := newWorkerConfig(n.s, n.brokers, n.muted)
	if err != nil {
		n.fail(err)
		return
	}
	cfg.DrainTimeout, cfg.Results = 2*time.Second, worker.Results{Dir: n.s.ResultsDir}
	n.awaitTopics(ctx)
	for ctx.Err() == nil {
		if err := worker.RunMany(ctx, cfg, members, worker.SampleHandler(n.s.ResultsDir)); err != nil {
			n.log.Error("the embedded workers ended, they are started again", "workers", len(members), "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

// awaitTopics waits until the master has created its topics. Without them a worker would log
// errors.
func (n *node) awaitTopics(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		o, err := n.ask(messages.QueryHealth{})
		if err == nil && o.(messages.Overview).Role == "leader" {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// awaitGoodbyes waits until the master has received the last messages of the embedded workers.
func (n *node) awaitGoodbyes() {
	deadline := time.Now().Add(time.Second)
	for n.s.EmbeddedWorkers > 0 && time.Now().Before(deadline) {
		o, err := n.ask(messages.QueryOverview{Fresh: true})
		if err != nil || o.(messages.Overview).Workers.Present() == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (n *node) ask(q messages.Query) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return n.sys.Ask(ctx, q)
}
