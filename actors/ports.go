package actors

import (
	"context"
	"time"

	"kafka-master/messages"
)

// Store keeps the state. All methods may block until ctx ends, and are safe for concurrent
// use.
type Store interface {
	// Load returns everything but the journal, for the holder of the term. It returns
	// messages.ErrFenced when the term is not the current one.
	Load(ctx context.Context, term messages.Term) (messages.Snapshot, error)
	// Commit applies the batch atomically, only if the term is the current one and the
	// number of the batch is the stored number + 1. The same number with the same id is a
	// success without effect, so a commit can be repeated after any error but
	// messages.ErrFenced.
	Commit(ctx context.Context, term messages.Term, b messages.Batch) error
	// Restore writes a state into an empty store, under the term after last, which nobody
	// holds. Nobody can lead before the state is complete. It returns messages.ErrFilled
	// when the store is not empty and messages.ErrRestoring while another process does the
	// same, and can be repeated after any other error.
	Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error
	// Journal returns at most limit attempts of a file, newest first.
	Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error)
}

// Lease decides who leads. The store that keeps the state keeps the lease, so
// that a term can be checked by every commit.
type Lease interface {
	// Acquire takes the lease under the conditions of the claim and raises the term, unless
	// another holder has it or the store is empty.
	Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error)
	// Renew extends the lease and returns the number of the last committed batch. It returns
	// messages.ErrFenced when the term is not the current one, and messages.ErrEmpty when the
	// store lost everything.
	Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error)
	// Release ends the lease, so that another master can take it at once. The term stays the
	// current one. Releasing a lost lease is no error.
	Release(ctx context.Context, term messages.Term) error
	// Present registers for ttl that a process runs under a master id. It returns false while
	// another process is registered under it.
	Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error)
}

// Files is the input folder. Paths are those of the listing.
type Files interface {
	// List returns the regular files that can be input, sorted by path. A folder that is
	// missing or cannot be reached is an error.
	List(ctx context.Context) ([]messages.FileInfo, error)
	// Fingerprint returns the XXH64 of the first and the last 64 KiB of the file, or of the
	// whole file when it is shorter than both together.
	Fingerprint(ctx context.Context, f messages.FileInfo) (uint64, error)
	// Stream reads length bytes of f from off and passes them to feed, in order. A slice is
	// valid during the call only. An error of feed ends the stream and is returned. It
	// returns messages.ErrFileChanged when the file is not, or no longer, the one that f
	// describes.
	Stream(ctx context.Context, f messages.FileInfo, off, length int64, feed func([]byte) error) error
	// Archive moves the file to the folder processed/ beside it; when the name is taken there
	// it gets a number.
	Archive(ctx context.Context, f messages.FileInfo) error
}

// Merger makes one result of those of a file.
type Merger interface {
	// Merge merges the results of a file that has ended, as far as its books say. It may take
	// hours; when ctx ends, it returns soon, and a later call continues. It can be repeated:
	// what is merged already is not merged again. It returns false without an error when the
	// results are not where this master can reach them, and are not expected to be.
	Merge(ctx context.Context, books messages.Books) (merged bool, err error)
}

// Readiness is implemented by Files that know whether somebody still has a file open.
type Readiness interface {
	// Ready reports whether nobody else has the file open.
	Ready(ctx context.Context, f messages.FileInfo) (bool, error)
}

// Stamped is implemented by Files that know when a name was last added to the folder or
// removed from it.
type Stamped interface {
	// Stamp returns the modification time of the folder itself. Writing to a file in it does
	// not change that.
	Stamp(ctx context.Context) (time.Time, error)
}

// Overlooking is implemented by Files that know which names a listing left out.
type Overlooking interface {
	// Ignored returns what the last complete listing left out.
	Ignored() messages.Ignored
}

// Producer sends records.
type Producer interface {
	// Leader returns the broker that leads the partition, or messages.NoLeader when that is
	// not known. It never blocks on the network.
	Leader(topic string, partition int32) int32
	// Produce sends records that have one leader in one request, and returns one outcome for
	// each, in their order, once all in-sync replicas have them. It may block until ctx ends.
	// A record without an error is not read any more, so its memory can be used again. One
	// with an error may be read even later.
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
}

// Consumer reads partitions without a group.
type Consumer interface {
	// Leader is that of Producer.
	Leader(topic string, partition int32) int32
	// Fetch reads from positions that have one leader in one request, waits up to wait for
	// the first byte, and returns one answer for each position that has news. It drops
	// records before the wanted offset and skips control records.
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	// Offsets returns the first retained and the end offset of every partition
	// of the topic. When only some of them do not answer, both are
	// messages.UnknownOffset for these, and the error wraps
	// messages.PartitionErrors.
	Offsets(ctx context.Context, topic string) (start, end []int64, err error)
	// CommitOffsets commits the positions for a group without members, so that tools can show
	// how far a reader is.
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error
}

// Topics creates, checks and grows topics.
type Topics interface {
	// Ensure creates the topics that are missing, waits until every partition of all of them
	// answers, and returns how many partitions each has, in the order of specs.
	Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error)
	// List returns all topics but the internal ones, sorted by name.
	List(ctx context.Context) ([]messages.Topic, error)
	// Settings returns the settings of topics that messages.TopicFault needs, by topic and
	// name. It leaves out topics whose settings may not be read.
	Settings(ctx context.Context, topics []string) (map[string]map[string]string, error)
	// Grow raises the partition count to n and returns when the new partitions answer. It
	// never shrinks a topic.
	Grow(ctx context.Context, topic string, n int) error
}

// Groups reads and manages the consumer group of the classic workers.
type Groups interface {
	// Find returns the group that has members subscribed to topic, the preferred one if
	// several have, else the preferred group as it is (Dead when it does not exist). Members
	// carry the partitions of the topic that are assigned to them.
	Find(ctx context.Context, topic, preferred string) (messages.GroupState, error)
	// Committed returns the committed offset of the group for every partition of the topic,
	// messages.UnknownOffset where there is none.
	Committed(ctx context.Context, group, topic string) ([]int64, error)
	// CommitOffsets is that of Consumer. The broker refuses it while the group has members.
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error
	// Evict removes a member from the group.
	Evict(ctx context.Context, group, member string) error
}
