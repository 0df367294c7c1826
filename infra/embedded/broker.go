// Package embedded is a Kafka broker inside the process: what `go run .` uses
// when no real one is configured. It listens on loopback only, keeps its topics
// and groups in a folder, and any Kafka client can talk to it.
//
// It is kfake with what kfake lacks for daily use: a lock on the folder, a guard
// against frames and batches that would end the process or every reader, bounds
// on connections and partitions, and retention that runs. It has the newest
// version of each request that came before tagged fields, so it looks to clients
// like Kafka 2.4.
package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

var (
	// ErrPortInUse says that another process listens on the wanted port.
	ErrPortInUse = errors.New("port is in use")
	// ErrLocked says that another process has the data folder open.
	ErrLocked = errors.New("data folder is in use by another process")
	// ErrDamaged says that what the data folder holds cannot be read.
	ErrDamaged = errors.New("data folder is damaged")
)

const (
	folderMode = 0o700
	// retentionInterval is how often old segments are dropped. kfake's own
	// ticker starts only when a topic is created, so never after a restart.
	retentionInterval = time.Second
	// cleanerBackoff is kfake's own clean-up interval, in milliseconds.
	cleanerBackoff = "5000"
	lockName       = "broker.lock"
	// topicsName is the file in which kfake keeps the list of topics.
	topicsName = "topics.json"
)

// Config says where the broker listens and what it keeps.
type Config struct {
	// DataDir is the folder that topics, records and group offsets are kept in;
	// it is created when missing. Empty means in memory.
	DataDir string
	// Port is the loopback port of the first broker, the others take the
	// following ones. 0 means free ports.
	Port int
	// Brokers is the number of brokers in the cluster. 0 means 1.
	Brokers int
	// Partitions is how many the caller is going to make, all topics together, so
	// that Start can tell at once when they are too many. 0 means not known.
	Partitions int
	// Logger gets the broker's own messages. Nil means none.
	Logger *slog.Logger
}

// Broker is a running cluster.
type Broker struct {
	cluster *kfake.Cluster
	lock    *flock.Flock // nil in memory
	addrs   []string

	stop      chan struct{} // closed by Close
	retention sync.WaitGroup
	once      sync.Once
	closeErr  error
}

// TopicConfig returns the topic settings that keep the data folder small: a day
// and 4 MiB a partition, dropped in segments of 1 MiB. Whoever creates topics on
// this broker passes them: it trims only topics that have retention of their own.
func TopicConfig() map[string]string {
	return map[string]string{
		"retention.ms":    "86400000",
		"retention.bytes": "4194304",
		"segment.bytes":   "1048576",
	}
}

// Start opens the folder and listens. It returns ErrLocked when another process
// has the folder, ErrPortInUse when another process has the port, ErrDamaged
// when the folder cannot be read, and ErrFewFiles when the process may not open
// what the partitions need; the last two name the cure.
//
// Writes are not synced one by one: they survive the death of the process, not
// the loss of power.
func Start(c Config) (*Broker, error) {
	if c.Brokers == 0 {
		c.Brokers = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	lock, err := lockFolder(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	cluster, err := open(c)
	if err != nil {
		if lock != nil {
			err = errors.Join(err, lock.Close())
		}
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b := &Broker{cluster: cluster, lock: lock, addrs: cluster.ListenAddrs(), stop: make(chan struct{})}
	b.cluster.ApplyRetention()
	b.retention.Go(b.applyRetention)
	return b, nil
}

// open makes the cluster on what the folder holds.
func open(c Config) (*kfake.Cluster, error) {
	files, err := openFiles()
	if err != nil {
		return nil, err
	}
	r := newRoom(c.DataDir, files)
	if err := r.check(c.Partitions); err != nil {
		return nil, explained(err, c.DataDir)
	}
	batches, err := newBatchCheck()
	if err != nil {
		return nil, err
	}
	g := &gate{most: maxConnections, batchCheck: batches}
	cluster, err := load(options(c, g))
	if err != nil {
		return nil, explained(err, c.DataDir)
	}
	r.guardTopics(cluster)
	return cluster, nil
}

// load makes the cluster. What kfake cannot cope with in its files is an error.
func load(opts []kfake.Opt) (c *kfake.Cluster, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("read the folder: %v", cause)
		}
	}()
	return kfake.NewCluster(opts...)
}

// explained says what an error of starting means, and names the cure.
func explained(err error, dir string) error {
	var file *fs.PathError
	var network *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: %w", ErrPortInUse, err)
	case dir == "", errors.Is(err, ErrFewFiles), errors.As(err, &file), errors.As(err, &network):
		return err
	}
	return fmt.Errorf("%w: %w: delete the folder %s: what was on its way is handed out again, nothing is lost", ErrDamaged, err, dir)
}

// Addrs returns the host:port of every broker of the cluster.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Close saves what is kept, closes all connections and gives the folder back.
// Closing twice is no error.
func (b *Broker) Close() error {
	b.once.Do(func() {
		// A retention run asks the cluster's loop, which Close ends.
		close(b.stop)
		b.retention.Wait()
		b.cluster.Close()
		if b.lock != nil {
			if err := b.lock.Close(); err != nil {
				b.closeErr = fmt.Errorf("close embedded broker: %w", err)
			}
		}
	})
	return b.closeErr
}

func (b *Broker) applyRetention() {
	tick := time.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.cluster.ApplyRetention()
		}
	}
}

// lockFolder creates dir and takes its lock, since kfake itself lets two
// clusters write into one folder. Without dir there is no lock.
func lockFolder(dir string) (*flock.Flock, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	// Records hold lines of the input, and kfake's files could be read by all. A
	// mounted folder may have no rights to change.
	_ = os.Chmod(dir, folderMode)
	lock := flock.New(filepath.Join(dir, lockName))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return lock, nil
}

func options(c Config, g *gate) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(c.Brokers),
		kfake.MaxVersions(untagged()),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			if err != nil {
				return nil, err
			}
			return newGuardListener(l, g, c.Logger), nil
		}),
		kfake.WithLogger(logger{c.Logger}),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": cleanerBackoff}),
	}
	if c.DataDir != "" {
		opts = append(opts, kfake.DataDir(c.DataDir))
	}
	if c.Port != 0 {
		ports := make([]int, c.Brokers)
		for i := range ports {
			ports[i] = c.Port + i
		}
		opts = append(opts, kfake.Ports(ports...))
	}
	return opts
}
