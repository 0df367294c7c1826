package worker

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Config identifies a worker and its Kafka cluster. ID and Brokers are required.
// The zero value of every other field stands for its default.
type Config struct {
	// ID identifies the worker, also after a restart: 1 to 128 bytes of printable
	// UTF-8. Two running workers must not have the same id; see ClaimID. No default.
	ID string
	// Brokers are the addresses (host:port) of one or more Kafka brokers. No
	// default.
	Brokers []string
	// Partition is the partition of ChunkTopic that the worker reads, 0 to
	// 99,999. Default nil: the result of PartitionOf.
	Partition *int
	// Capacity is the number of chunks that run at the same time, 1 to 1000.
	// Default 1.
	Capacity int

	// Results is the folder that the handler writes its results to. The worker
	// checks it before it starts, and reports a finished chunk as done a second
	// time only while the result exists. Default: no folder, no checks.
	Results Results

	// Deployment returns the id of the only deployment whose chunks the worker
	// accepts, or "" for all; see messages.ValueDeployment. It is called for each
	// chunk, since a state that was created again has a new id. Default nil: all
	// deployments.
	Deployment func() string

	// ChunkTopic is the topic that the worker reads chunks from. Default
	// "master-signal". The names of the three topics must differ and have 1 to 249
	// of the characters a-z A-Z 0-9 . _ -
	ChunkTopic string
	// SignalTopic is the topic for progress and results. Default "worker-signal".
	SignalTopic string
	// ConnectionTopic is the topic for announcements and heartbeats. Default
	// "worker-connection".
	ConnectionTopic string

	// TLS is used for all connections to the brokers. Default nil: no TLS.
	TLS *tls.Config
	// SASL is the login at the brokers. Default: no login.
	SASL SASL

	// Version is shown by the master, at most 64 bytes. Default "".
	Version string
	// Logger receives the worker's log. Default slog.Default().
	Logger *slog.Logger

	// DrainTimeout is the time that running chunks get to finish after Run was
	// asked to stop. Then their context ends. 1 ns to 24 h. Default 5 s.
	DrainTimeout time.Duration
	// Timeout limits the run time of a chunk, 1 s to 30 days. Then its context
	// ends, and the attempt has failed whatever the handler returns. Default 0: no
	// limit.
	Timeout time.Duration
	// HeartbeatInterval is the time between two heartbeats, 100 ms to 5 s. The
	// master suspects a worker after 6 s of silence. Default 3 s.
	HeartbeatInterval time.Duration
	// ProgressInterval is the minimum time between two progress messages of a
	// chunk, except the final one. 1 ms to 1 min. Default 200 ms.
	ProgressInterval time.Duration
}
