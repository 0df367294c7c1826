package actors

import (
	"context"
	"time"

	"kafka-master/messages"
)

// Store keeps the state. All methods may block up to ctx and are safe for
// concurrent use.
type Store interface {
	// Load returns everything but the journal, for the holder of term. It
	// returns messages.ErrFenced when term is not the current one.
	Load(ctx context.Context, term messages.Term) (messages.Snapshot, error)
	// Commit applies the batch atomically, only if term is current and the
	// batch's number is the stored number + 1. The same number with the same id
	// is a success without effect, so a commit can be repeated after any error
	// but messages.ErrFenced.
	Commit(ctx context.Context, term messages.Term, b messages.Batch) error
	// Restore puts a state back into a store that is empty, under the term after
	// last, which nobody holds. Nobody can lead before it is whole. It returns
	// messages.ErrFilled when the store is not empty, messages.ErrRestoring while
	// another process does the same, and can be repeated after any other error.
	Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error
	// Journal returns the newest attempts of a file, newest first, at most limit.
	Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error)
}

// Lease decides who leads. The store that keeps the state keeps the lease, so
// that a term can be checked by every commit.
type Lease interface {
	// Acquire takes the lease as the claim says and raises the term, unless
	// another holder has it or the store is empty.
	Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error)
	// Renew prolongs the lease and returns the number of the last committed
	// batch. It returns messages.ErrFenced when the term is not current, and
	// messages.ErrEmpty when the store lost everything.
	Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error)
	// Release gives the lease back, so that another master can have it at once.
	// The term stays the current one. Releasing a lost lease is no error.
	Release(ctx context.Context, term messages.Term) error
	// Present says for ttl that a process runs under a master id. It returns
	// false while another process does.
	Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error)
}

// Files is the input folder. Paths are those of the listing.
type Files interface {
	// List returns the regular files that can be input, sorted by path. A
	// folder that is missing or away is an error.
	List(ctx context.Context) ([]messages.FileInfo, error)
	// Fingerprint returns the XXH64 of the file's first and last 64 KiB (of the
	// whole file when it is shorter than both together).
	Fingerprint(ctx context.Context, f messages.FileInfo) (uint64, error)
	// Stream reads f from off to the size in f and hands the bytes to feed, in
	// order; a slice is valid during the call only. An error of feed ends the
	// stream and is returned. It returns messages.ErrFileChanged when the file
	// is not (or no longer) the one that f names.
	Stream(ctx context.Context, f messages.FileInfo, off, length int64, feed func([]byte) error) error
	// Archive moves the file to the folder processed/ beside it; a taken name
	// gets a number.
	Archive(ctx context.Context, f messages.FileInfo) error
}

// Readiness is what Files may know beyond a listing: whether somebody has a file
// open still.
type Readiness interface {
	// Ready reports whether nobody else has the file open.
	Ready(ctx context.Context, f messages.FileInfo) (bool, error)
}

// Overlooking is what Files may know beyond a listing: what it left out.
type Overlooking interface {
	// Ignored returns what the last whole listing left out.
	Ignored() messages.Ignored
}

// Producer sends records.
type Producer interface {
	// Leader returns the broker that leads the partition, messages.NoLeader
	// when that is not known. It never blocks on the network.
	Leader(topic string, partition int32) int32
	// Produce sends records that have one leader in one request and returns one
	// outcome each, in their order, once all in-sync replicas have them. It may
	// block up to ctx.
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
}

// Consumer reads partitions without a group.
type Consumer interface {
	// Leader is that of Producer.
	Leader(topic string, partition int32) int32
	// Fetch reads from positions that have one leader in one request, waiting
	// up to wait for the first byte, and returns one answer for each position
	// that has news. Records before the wanted offset are dropped, control
	// records are stepped over.
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	// Offsets returns the first retained and the end offset of every partition
	// of the topic. When only some of them do not answer, both are
	// messages.UnknownOffset for these, and the error wraps
	// messages.PartitionErrors.
	Offsets(ctx context.Context, topic string) (start, end []int64, err error)
	// CommitOffsets commits the positions for a group without members, so that
	// lag tools see how far a reader is.
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error
}

// Topics creates, checks and grows topics.
type Topics interface {
	// Ensure creates the missing ones of the topics, waits until every
	// partition of all of them answers, and returns how many partitions each
	// has, in the order of specs.
	Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error)
	// List returns all topics but the internal ones, sorted by name.
	List(ctx context.Context) ([]messages.Topic, error)
	// Settings returns settings of topics that messages.TopicFault asks for, by
	// topic and name. Topics whose settings may not be seen are left out.
	Settings(ctx context.Context, topics []string) (map[string]map[string]string, error)
	// Grow raises the partition count to n and returns when the new partitions
	// answer. It never shrinks.
	Grow(ctx context.Context, topic string, n int) error
}

// Groups looks at the classic workers' consumer group.
type Groups interface {
	// Find returns the group that has members subscribed to topic, preferred
	// first, else the group of that name as it is (Dead when there is none).
	// Members carry their assigned partitions of topic.
	Find(ctx context.Context, topic, preferred string) (messages.GroupState, error)
	// Committed returns the group's committed offset of every partition of
	// topic, messages.UnknownOffset where there is none.
	Committed(ctx context.Context, group, topic string) ([]int64, error)
	// CommitOffsets is that of Consumer; the broker refuses it while the group
	// has members.
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error
	// Evict removes a member from the group.
	Evict(ctx context.Context, group, member string) error
}
