package worker

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Config says who a worker is and where its Kafka is. ID and Brokers are
// needed; every other field may stay at its zero value, which stands for the
// default.
type Config struct {
	// ID names the worker, restarts included: 1 to 128 bytes of printable UTF-8.
	// Two running workers must not share one. See ClaimID. No default.
	ID string
	// Brokers are the addresses, host:port, of one or more Kafka brokers. No
	// default.
	Brokers []string
	// Partition is the partition of ChunkTopic that the worker reads, 0 to
	// 99,999. Default nil: the one that PartitionOf gives.
	Partition *int
	// Capacity is the number of chunks in work at once, 1 to 1000. Default 1.
	Capacity int

	// Results is the folder that the handler writes its results to. The worker
	// checks it before it begins, and says of a chunk that it did before that it
	// is done only while the chunk's result is there. Default: none, neither is
	// done.
	Results Results

	// Deployment returns the id of the only deployment whose chunks the worker
	// takes, "" for all; see messages.ValueDeployment. It is asked for each
	// chunk, since a state that began anew has a new id. Default nil: all.
	Deployment func() string

	// ChunkTopic brings the chunks. Default "master-signal". The names of
	// topics are 1 to 249 of the characters a-z A-Z 0-9 . _ - and differ.
	ChunkTopic string
	// SignalTopic takes progress and results. Default "worker-signal".
	SignalTopic string
	// ConnectionTopic takes announcements and heartbeats. Default
	// "worker-connection".
	ConnectionTopic string

	// TLS is used for all connections to the brokers. Default nil: no TLS.
	TLS *tls.Config
	// SASL logs in to the brokers. Default: no login.
	SASL SASL

	// Version is shown by the master, at most 64 bytes. Default "".
	Version string
	// Logger takes the worker's log. Default slog.Default().
	Logger *slog.Logger

	// DrainTimeout is how long the chunks in work may go on once Run was told
	// to stop, before their context ends; 1 ns to 24 h. Default 5 s.
	DrainTimeout time.Duration
	// Timeout is how long a chunk may take, 1 s to 30 days: its context ends then,
	// and the attempt has failed whatever the handler returns. Default 0: for ever.
	Timeout time.Duration
	// HeartbeatInterval is the time between two heartbeats, 100 ms to 5 s (the
	// master suspects a worker that was silent for 6 s). Default 3 s.
	HeartbeatInterval time.Duration
	// ProgressInterval is the shortest time between two progress messages of a
	// chunk, the final one apart; 1 ms to 1 min. Default 200 ms.
	ProgressInterval time.Duration
}
