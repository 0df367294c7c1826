package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"

	"kafka-master/messages"
)

const (
	maxFetch = 8 << 20
	// maxPartitionFetch keeps one busy partition from filling an answer alone.
	maxPartitionFetch = 2 << 20
	// fetchMargin is what an answer may take beyond the wait.
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
// Records of aborted transactions are returned.
func (b *Bus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	if len(from) == 0 {
		return nil, nil
	}
	wait = max(wait, time.Millisecond) // 0 would mean half a second
	res, err := b.call(ctx, 2*wait+fetchMargin, fetchRequest(from, wait))
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	answer := res.(*fetch.Response)
	if err := b.code(answer.ErrorCode, ""); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	wanted := make(map[partition]int64, len(from))
	for _, p := range from {
		wanted[partition{p.Topic, p.Partition}] = p.Offset
	}
	var out []messages.Fetched
	for _, t := range answer.Topics {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			offset, ok := wanted[partition{t.Topic, p.Partition}]
			if !ok {
				continue
			}
			f := b.fetched(messages.Position{Topic: t.Topic, Partition: p.Partition, Offset: offset}, p)
			if f.Err != nil || f.Offset != offset {
				out = append(out, f)
			}
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
		// Epoch -1 asks for no fetch session: each request says all.
		SessionEpoch: -1,
	}
	topics := make(map[string]int)
	for _, p := range from {
		at, ok := topics[p.Topic]
		if !ok {
			at = len(req.Topics)
			topics[p.Topic] = at
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

func (b *Bus) fetched(at messages.Position, p *fetch.ResponsePartition) messages.Fetched {
	f := messages.Fetched{Position: at, Start: p.LogStartOffset, End: p.HighWatermark}
	err := b.code(p.ErrorCode, "")
	if err == nil {
		err = read(&f, p.RecordSet.Records)
	}
	if err != nil {
		f.Err = fmt.Errorf("fetch %s/%d at %d: %w", at.Topic, at.Partition, at.Offset, err)
	}
	return f
}

// read moves f over the records. It walks the batches itself: the stream's own
// reader hides control batches, and a reader that cannot see them asks for the
// same offset again, thousands of times a second.
func read(f *messages.Fetched, records protocol.RecordReader) error {
	stream, ok := records.(*protocol.RecordStream)
	if !ok {
		return nil // nothing was sent
	}
	for _, batch := range stream.Records {
		control, isControl := batch.(*protocol.ControlBatch)
		if isControl {
			f.Offset = max(f.Offset, control.Offset()+1)
		}
		for {
			rec, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return classify(fmt.Errorf("read record: %w", err))
			}
			if err := take(f, rec, isControl); err != nil {
				return classify(err)
			}
		}
	}
	return nil
}

// take copies one record: its bytes belong to kafka-go's pool.
func take(f *messages.Fetched, rec *protocol.Record, control bool) error {
	if rec.Key != nil {
		defer func() { _ = rec.Key.Close() }()
	}
	if rec.Value != nil {
		defer func() { _ = rec.Value.Close() }()
	}
	if rec.Offset < f.Offset {
		return nil // a batch comes whole, also when it starts earlier
	}
	if !control {
		value, err := protocol.ReadAll(rec.Value)
		if err != nil {
			return fmt.Errorf("read record at %d: %w", rec.Offset, err)
		}
		f.Records = append(f.Records, messages.Received{Offset: rec.Offset, Value: value})
	}
	f.Offset = rec.Offset + 1
	return nil
}
