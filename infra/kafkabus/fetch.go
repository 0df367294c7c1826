package kafkabus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/protocol/fetch"

	"kafka-master/infra/recordset"
	"kafka-master/messages"
)

const (
	maxFetch = 8 << 20
	// maxPartitionFetch keeps a busy partition from filling an answer alone.
	maxPartitionFetch = 2 << 20
	// maxInflatedFetch bounds the decompressed size of all batches of an answer. At least one
	// batch is read.
	maxInflatedFetch = 2 * recordset.MaxInflated
	// maxRecords bounds the records of one answer, because tiny ones take more memory as
	// records than as bytes.
	maxRecords = 100_000
	// fetchMargin is how long an answer may take beyond the wait.
	fetchMargin = 5 * time.Second
)

// Fetch reads from positions, which must have one leader, in one request. The
// broker answers at the first byte, or after wait (at least 1 ms). A position
// without news has no answer; one that fails has its error in Fetched.Err:
// messages.ErrOffsetOutOfRange when the partition does not have the offset. An
// answer holds about 8 MiB at most, whole batches.
//
// Records before the wanted offset are dropped and control records are stepped
// over: Fetched.Offset is where to go on reading, whatever Records holds.
// Records of aborted transactions are returned. A batch that cannot be read, or
// would become too large, is stepped over and counted in Fetched.Skipped.
func (b *Bus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	if len(from) == 0 {
		return nil, nil
	}
	wait = max(wait, time.Millisecond) // 0 would mean half a second
	res, err := b.call(ctx, 2*wait+fetchMargin, &fetchExchange{Request: fetchRequest(from, wait), clientID: b.cfg.ClientID})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	answer := res.(*fetchAnswer)
	if err := b.codeError(answer.code, ""); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	wanted := make(map[partition]int64, len(from))
	for _, p := range from {
		wanted[partition{p.Topic, p.Partition}] = p.Offset
	}
	var out []messages.Fetched
	room := budget{records: maxRecords, bytes: maxInflatedFetch}
	for i := range answer.partitions {
		p := &answer.partitions[i]
		offset, ok := wanted[p.partition]
		if !ok {
			continue
		}
		f := b.fetched(messages.Position{Topic: p.topic, Partition: p.index, Offset: offset}, p, &room)
		if f.Err != nil || f.Offset != offset {
			out = append(out, f)
		}
	}
	return out, nil
}

func fetchRequest(from []messages.Position, wait time.Duration) *fetch.Request {
	req := &fetch.Request{
		ReplicaID:   -1,
		MaxWaitTime: int32(wait / time.Millisecond),
		MinBytes:    1,
		MaxBytes:    maxFetch,
		// Epoch -1 asks for no fetch session: each request names all partitions.
		SessionEpoch: -1,
	}
	for _, p := range from {
		at := slices.IndexFunc(req.Topics, func(t fetch.RequestTopic) bool { return t.Topic == p.Topic })
		if at < 0 {
			at = len(req.Topics)
			req.Topics = append(req.Topics, fetch.RequestTopic{Topic: p.Topic})
		}
		t := &req.Topics[at]
		t.Partitions = append(t.Partitions, fetch.RequestPartition{
			Partition:          p.Partition,
			CurrentLeaderEpoch: -1,
			FetchOffset:        p.Offset,
			LogStartOffset:     -1,
			PartitionMaxBytes:  maxPartitionFetch,
		})
	}
	return req
}

func (b *Bus) fetched(at messages.Position, p *partitionAnswer, room *budget) messages.Fetched {
	f := messages.Fetched{Position: at, Start: p.start, End: p.end}
	err := b.codeError(p.code, "")
	if err == nil {
		err = b.read(&f, p, room)
	}
	if err != nil {
		f.Err = fmt.Errorf("fetch %s/%d at %d: %w", at.Topic, at.Partition, at.Offset, err)
	}
	return f
}

// budget is what may still be read of an answer.
type budget struct{ records, bytes int }

// read advances f over the batches until the budget is used up. The rest is fetched again.
// Every batch advances f, whatever it holds: otherwise the same offset would be fetched
// thousands of times a second.
func (b *Bus) read(f *messages.Fetched, p *partitionAnswer, room *budget) error {
	if p.cut {
		err := fmt.Errorf("%w: more than %d bytes", recordset.ErrUnreadable, maxRecordSet)
		skip(f, recordset.Header(p.set), err)
		return nil
	}
	for set := p.set; len(set) > 0 && room.records > 0 && room.bytes > 0; {
		batch, rest, ok := recordset.Next(set)
		if !ok {
			if len(set) == len(p.set) {
				return fmt.Errorf("%w: the first batch is not whole, %d bytes", messages.ErrMaybeWritten, len(set))
			}
			return nil // the broker truncates the last batch of a full answer
		}
		set = rest
		if batch.Next <= f.Offset {
			continue
		}
		size, err := batch.Records(b.inflater, func(offset int64, value []byte) bool { return take(f, offset, value, room) })
		room.bytes -= size
		switch {
		case err != nil:
			room.bytes -= recordset.MaxInflated // the most that it can have been decompressed to
			skip(f, batch, err)
		case room.records > 0:
			f.Offset = max(f.Offset, batch.Next)
		}
	}
	return nil
}

// take adds a record while there is room. A batch is sent whole even when it begins before
// the wanted offset.
func take(f *messages.Fetched, offset int64, value []byte, room *budget) (more bool) {
	if offset < f.Offset {
		return true
	}
	if room.records == 0 {
		return false
	}
	room.records--
	f.Records = append(f.Records, messages.Received{Offset: offset, Value: value})
	f.Offset = offset + 1
	return true
}

// skip steps over a batch that cannot be read. The end that it claims counts up to the end
// of the partition only.
func skip(f *messages.Fetched, batch recordset.Batch, err error) {
	next := batch.Next
	if f.End >= 0 {
		next = min(next, f.End)
	}
	f.Skipped++
	f.Reason = fmt.Errorf("batch at %d: %w", batch.Offset, err)
	f.Offset = max(f.Offset+1, next)
}
