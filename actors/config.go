package actors

import "time"

// Config is what the actors need to know of the settings. All fields are
// required but those that say otherwise.
type Config struct {
	// MasterID names this master to people and other masters.
	MasterID string
	// API is the host:port at which this master's HTTP API is reached.
	API string

	// Input names the input folder to people and to other masters of the state.
	Input string

	// ChunkTopic carries chunks to workers, by explicit partition.
	ChunkTopic string
	// SignalTopic carries the progress of workers.
	SignalTopic string
	// ConnectionTopic carries announcements and heartbeats of workers.
	ConnectionTopic string
	// HeartbeatTopic carries the heartbeats of masters.
	HeartbeatTopic string
	// Partitions is how many partitions a missing ChunkTopic is made with.
	Partitions int
	// Replication is the factor for missing topics; -1 is the broker's own.
	Replication int
	// TopicConfig is set on topics that are created; may be nil.
	TopicConfig map[string]string
	// Group is the group id under which read offsets are committed for lag tools.
	Group string
	// WorkerGroup is the consumer group of the classic workers.
	WorkerGroup string

	// BatchSize is the most items of a chunk when the store knows no other.
	BatchSize int
	// BatchSizeText is the variable as it was written, empty when it was not
	// set. The variable wins over a stored value when it differs from what it
	// was when the value was stored.
	BatchSizeText string
	// WorkerTimeout is how long a busy classic worker may be silent, and how
	// long a chunk may lie at a worker unbegun.
	WorkerTimeout time.Duration
	// MaxAttempts is how many failures make a chunk dead.
	MaxAttempts int
	// Prefetch is how many chunks are queued ahead at a native worker, or
	// PrefetchAuto.
	Prefetch int
	// Settle is how long a new file must be unchanged; 0 takes it at once.
	Settle time.Duration
	// WorkerCommand is what a person types to start a worker of this master, for
	// the hints.
	WorkerCommand string
	// OnDeployment is told the random id of the state at the beginning of each term;
	// it must not block. May be nil.
	OnDeployment func(id string)
	// Archive moves finished files to processed/.
	Archive bool
}

// PrefetchAuto queues as many chunks at each worker as its own pace asks for.
const PrefetchAuto = -1

// The times that nobody needs to change.
const (
	scanEvery   = 2 * time.Second // the input folder is listed
	renewEvery  = time.Second     // the lease is renewed
	leaseTTL    = 4 * time.Second // the lease ends by itself
	leaseMargin = time.Second     // trust in the lease ends that much earlier
	groupEvery  = 100 * time.Millisecond
	// kafkaPause is the longest pause between two tries while Kafka is away: work
	// goes on within a second of its return.
	kafkaPause = 400 * time.Millisecond
)
