package actors

import (
	"time"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// Config is what the actors need to know of the settings. All fields are required, unless
// their comment says otherwise.
type Config struct {
	// MasterID names this master to people and to other masters.
	MasterID string
	// API is the host:port at which others reach the HTTP API of this master.
	API string

	// Version is that of the program, for people. It may be empty.
	Version string

	// Input names the input folder to people and to other masters of the same state.
	Input string

	// ChunkTopic carries chunks to workers, by explicit partition.
	ChunkTopic string
	// SignalTopic carries the progress of workers.
	SignalTopic string
	// ConnectionTopic carries announcements and heartbeats of workers.
	ConnectionTopic string
	// HeartbeatTopic carries the heartbeats of masters.
	HeartbeatTopic string
	// Partitions is the number of partitions that a missing ChunkTopic is created with.
	Partitions int
	// Replication is the replication factor of topics that are created; -1 is the default of
	// the broker.
	Replication int
	// TopicConfig is set on topics that are created. It may be nil.
	TopicConfig map[string]string
	// Group is the id under which read offsets are committed, for tools that show lag.
	Group string
	// WorkerGroup is the consumer group of the classic workers.
	WorkerGroup string

	// BatchSize is the maximum number of items of a chunk, when none is stored.
	BatchSize int
	// BatchSizeText is the variable as it was written, empty when it was not set. The
	// variable wins over a stored value when it changed since that was stored.
	BatchSizeText string
	// WorkerTimeout is how long a busy classic worker may be silent, and how long a chunk may
	// wait at a worker before it begins.
	WorkerTimeout time.Duration
	// MaxAttempts is the number of failures that make a chunk dead.
	MaxAttempts int
	// Bisect reports whether a chunk of several items that fails is halved, until the items
	// that make it fail stand alone.
	Bisect bool
	// MaxDead is how many items of a file may be dead or failed before nothing new of it is
	// begun.
	MaxDead messages.DeadLimit
	// Prefetch is the number of chunks that are queued ahead at a native worker, or
	// PrefetchAuto.
	Prefetch int
	// Backup is which workers take part in second attempts of chunks that run for long.
	Backup BackupMode
	// Settle is how long a new file must be unchanged before it is taken; 0 takes it at once.
	Settle time.Duration
	// WorkerCommand is the command that starts a worker of this master. It is shown in hints.
	WorkerCommand string
	// OnDeployment is called with the random id of the state at the beginning of each term.
	// It must not block, and may be nil.
	OnDeployment func(id string)
	// OnLogLevel is called with the log level that people set for all masters, one of
	// messages.LogLevels, at the beginning of each term and when it changes. It must not block,
	// and may be nil.
	OnLogLevel func(level string)
	// Archive reports whether finished files are moved to processed/.
	Archive bool
	// Counters counts what the actors do. It is nil but in a measurement.
	Counters *Counters
	spoil    bool // see buffers
}

// PrefetchAuto queues as many chunks at each worker as its own pace requires.
const PrefetchAuto = -1

// maxAhead is how many chunks are queued at all workers together with PrefetchAuto. A master
// hands out some thousand chunks a second, so that more of them would only wait for it.
const maxAhead = 1024

// rules returns what decides about chunks and files.
func (c Config) rules() ledger.Rules {
	r := ledger.Rules{MaxAttempts: c.MaxAttempts, Bisect: c.Bisect, MaxDead: c.MaxDead}
	if c.Prefetch == PrefetchAuto {
		r.MaxAhead = maxAhead
	}
	return r
}

// BackupMode is which workers run chunks of others that take long, and have theirs run.
type BackupMode uint8

// The modes of backup attempts.
const (
	BackupNone BackupMode = iota
	BackupNative
	BackupAll
)

// includes reports whether workers of a kind take part.
func (m BackupMode) includes(kind messages.WorkerKind) bool {
	return m == BackupAll || m == BackupNative && kind == messages.Native
}

// Times that nobody needs to change.
const (
	// scanEvery is how often the input folder is listed.
	scanEvery = 2 * time.Second
	// renewEvery is how often the lease is renewed.
	renewEvery = time.Second
	// leaseTTL is how long the lease lasts without being renewed.
	leaseTTL = 4 * time.Second
	// leaseMargin is how much earlier the trust in the lease ends.
	leaseMargin = time.Second
	// groupEvery is how often the group of the classic workers is read.
	groupEvery = 100 * time.Millisecond
	// kafkaPause is the longest pause between two tries while Kafka is away, so that work
	// continues within a second of its return.
	kafkaPause = 400 * time.Millisecond
)
