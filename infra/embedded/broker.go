// Package embedded is a Kafka broker inside the process, which a master uses unless a real
// one is configured. It listens on loopback only, keeps topics and groups in a folder, and
// works with any Kafka client. The master's own connections stay within the process (Dial).
//
// It adds to kfake what daily use needs: a lock on the folder, a filter for frames and
// batches that would end the process or every reader, bounds on connections and
// partitions, and retention. It supports the newest version of each request without tagged
// fields, so that clients see a Kafka 2.4.
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
	// ErrPortInUse is the error of a port on which another process listens.
	ErrPortInUse = errors.New("port is in use")
	// ErrLocked is the error of a data folder that another process has open.
	ErrLocked = errors.New("data folder is in use by another process")
	// ErrDamaged is the error of a data folder whose content cannot be read.
	ErrDamaged = errors.New("data folder is damaged")
)

const (
	folderMode = 0o700
	// retentionInterval is the interval at which old segments are dropped. kfake's own
	// ticker starts only when a topic is created, so it does not run after a restart.
	retentionInterval = time.Second
	// cleanerBackoff is kfake's own clean-up interval in milliseconds.
	cleanerBackoff = "5000"
	lockName       = "broker.lock"
	// topicsName is the file in which kfake stores the list of topics.
	topicsName = "topics.json"
)

// Config holds the settings of a Broker.
type Config struct {
	// DataDir is the folder for topics, records and group offsets, which is created if
	// missing. Empty means that they are kept in memory.
	DataDir string
	// Port is the loopback port of the first broker; the other brokers use the following
	// ones. 0 means free ports.
	Port int
	// Brokers is the number of brokers in the cluster. 0 means 1.
	Brokers int
	// Partitions is the number of partitions that the caller is going to create in all
	// topics, so that Start can refuse too many. 0 means that it is not known.
	Partitions int
	// Logger gets the messages of the broker. Nil means none.
	Logger *slog.Logger
}

// Broker is a running cluster.
type Broker struct {
	cluster   *kfake.Cluster
	listeners *listeners
	lock      *flock.Flock // nil in memory
	addrs     []string

	stop      chan struct{} // closed by Close
	retention sync.WaitGroup
	once      sync.Once
	closeErr  error
}

// TopicConfig returns the topic settings that keep the data folder small: records are kept
// for a day, and up to 4 MiB for each partition. They have to be passed when a topic is
// created, since kfake trims only topics with such settings. A segment is as large as what is
// kept: smaller ones save half of the disk at most, and each is two files, which take longer
// to create than a hundred chunks to write.
func TopicConfig() map[string]string {
	return map[string]string{
		"retention.ms":    "86400000",
		"retention.bytes": "4194304",
		"segment.bytes":   "4194304",
	}
}

// Start opens the folder and listens. It returns ErrLocked if another process has the
// folder open, ErrPortInUse if another process uses the port, ErrDamaged if the folder
// cannot be read, and ErrFewFiles if the process may not open as many files as the
// partitions need. The last two errors name the cure.
//
// Writes are not synced. They survive the end of the process, but not a loss of power.
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
	l := &listeners{}
	cluster, err := open(c, l)
	if err != nil {
		if lock != nil {
			err = errors.Join(err, lock.Close())
		}
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b := &Broker{cluster: cluster, listeners: l, lock: lock, addrs: cluster.ListenAddrs(), stop: make(chan struct{})}
	b.cluster.ApplyRetention()
	b.retention.Go(b.applyRetention)
	return b, nil
}

// open creates the cluster with the content of the folder.
func open(c Config, l *listeners) (*kfake.Cluster, error) {
	files, err := openFiles()
	if err != nil {
		return nil, err
	}
	r := newPartitionLimit(c.DataDir, files)
	if err := r.check(c.Partitions); err != nil {
		return nil, explain(err, c.DataDir)
	}
	batches, err := newBatchCheck()
	if err != nil {
		return nil, err
	}
	g := &connLimits{maxConns: maxConnections, batchCheck: batches}
	cluster, err := load(options(c, g, l))
	if err != nil {
		return nil, explain(err, c.DataDir)
	}
	r.limitTopics(cluster)
	return cluster, nil
}

// load creates the cluster. It turns a panic of kfake on a damaged file into an error.
func load(opts []kfake.Opt) (c *kfake.Cluster, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("read the folder: %v", cause)
		}
	}()
	return kfake.NewCluster(opts...)
}

// explain adds cause and cure to an error of Start.
func explain(err error, dir string) error {
	var file *fs.PathError
	var network *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: %w", ErrPortInUse, err)
	case dir == "", errors.Is(err, ErrFewFiles), errors.As(err, &file), errors.As(err, &network):
		return err
	}
	return fmt.Errorf("%w: %w: delete the folder %s: nothing is lost, chunks in flight are sent again", ErrDamaged, err, dir)
}

// Addrs returns the host:port of every broker of the cluster.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Close stores the state of the broker, closes all connections and unlocks the folder. It
// may be called more than once.
func (b *Broker) Close() error {
	b.once.Do(func() {
		// Retention needs the loop of the cluster, which Close ends.
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

// lockFolder creates dir and locks it, since kfake itself allows two clusters to write to
// the same folder. There is no lock if dir is empty.
func lockFolder(dir string) (*flock.Flock, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	// Records contain lines of the input, and everybody could read kfake's files. The
	// rights of a mounted folder may not be changeable.
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

func options(c Config, g *connLimits, all *listeners) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(c.Brokers),
		kfake.MaxVersions(untagged()),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			if err != nil {
				return nil, err
			}
			return all.add(newFrameListener(l, g, c.Logger)), nil
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
