package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"

	"kafka-master/messages"
)

const (
	allReplicas = -1
	// maxBatch keeps a batch below the 1,048,588 bytes that a broker accepts by default. The
	// limit applies to the batch, not to the record.
	maxBatch = 1_000_000
	// maxRequest keeps a request below the largest frame that any broker accepts.
	maxRequest = 8 << 20
	// recordOverhead is an upper bound for the fields of a record in a batch.
	recordOverhead = 32
)

// partition names one partition of a topic.
type partition struct {
	topic string
	index int32
}

// unsentRecords are the records of one partition that remain to be sent.
type unsentRecords struct {
	partition
	pending []int // indexes into the caller's records, in their order
	// single is set once a batch is refused for its size. Each record is then sent alone, so
	// that only the large one is refused.
	single bool
}

// Produce sends records, which must have one leader. It returns one outcome for each, in
// their order, once all in-sync replicas have them. Records of one partition keep their
// order and get contiguous offsets.
//
// All records go into one request, unless they exceed a batch (about 1 MB) or a request
// (8 MiB) of the broker. Then further requests follow. Produce blocks up to ctx, at most
// 10 s per request. Nothing is sent twice, and records behind a failed one of the same
// partition are not sent.
func (b *Bus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	out := make([]messages.Produced, len(records))
	for parts := byPartition(records); len(parts) > 0; {
		round, sent := nextRequest(parts, records)
		answers, err := b.produce(ctx, round, sent, records)
		for i, part := range round {
			b.setOutcomes(part, sent[i], answers, err, out)
		}
		parts = slices.DeleteFunc(parts, func(p *unsentRecords) bool { return len(p.pending) == 0 })
	}
	return out
}

// byPartition groups records by partition, in the order of their first records.
func byPartition(records []messages.Record) []*unsentRecords {
	var parts []*unsentRecords
	index := make(map[partition]*unsentRecords, len(records))
	for i, r := range records {
		p := partition{r.Topic, r.Partition}
		part := index[p]
		if part == nil {
			part = &unsentRecords{partition: p}
			index[p] = part
			parts = append(parts, part)
		}
		part.pending = append(part.pending, i)
	}
	return parts
}

// nextRequest returns the records of the next request: as many of each partition as fit, and
// at least one.
func nextRequest(parts []*unsentRecords, records []messages.Record) (round []*unsentRecords, sent [][]int) {
	room := maxRequest
	for _, part := range parts {
		n, size := 0, 0
		for _, i := range part.pending {
			s := len(records[i].Key) + len(records[i].Value) + recordOverhead
			first := len(round) == 0 && n == 0
			if !first && (size+s > room || n > 0 && (part.single || size+s > maxBatch)) {
				break
			}
			size += s
			n++
		}
		if n > 0 {
			round = append(round, part)
			sent = append(sent, part.pending[:n])
			room -= size
		}
	}
	return round, sent
}

// produce sends one request and returns the answers by partition.
func (b *Bus) produce(
	ctx context.Context, round []*unsentRecords, sent [][]int, records []messages.Record,
) (map[partition]produce.ResponsePartition, error) {
	req := &produce.Request{Acks: allReplicas, Timeout: int32(callTimeout / 2 / time.Millisecond)}
	for i, part := range round {
		at := slices.IndexFunc(req.Topics, func(t produce.RequestTopic) bool { return t.Topic == part.topic })
		if at < 0 {
			at = len(req.Topics)
			req.Topics = append(req.Topics, produce.RequestTopic{Topic: part.topic})
		}
		t := &req.Topics[at]
		t.Partitions = append(t.Partitions, produce.RequestPartition{
			Partition: part.index,
			RecordSet: protocol.RecordSet{Version: 2, Records: batch(sent[i], records)},
		})
	}
	res, err := b.call(ctx, callTimeout, req)
	if err != nil {
		return nil, err
	}
	answers := make(map[partition]produce.ResponsePartition, len(round))
	for _, t := range res.(*produce.Response).Topics {
		for _, p := range t.Partitions {
			answers[partition{t.Topic, p.Partition}] = p
		}
	}
	return answers, nil
}

func batch(sent []int, records []messages.Record) protocol.RecordReader {
	recs := make([]protocol.Record, len(sent))
	for i, at := range sent {
		recs[i] = protocol.Record{Key: protocol.NewBytes(records[at].Key), Value: protocol.NewBytes(records[at].Value)}
	}
	return protocol.NewRecordReader(recs...)
}

// setOutcomes sets the outcomes of the records that were sent to one partition, and removes
// them from those that remain to be sent.
func (b *Bus) setOutcomes(
	part *unsentRecords, sent []int, answers map[partition]produce.ResponsePartition, err error, out []messages.Produced,
) {
	answer, ok := answers[part.partition]
	switch {
	case err != nil:
	case !ok:
		err = classify(fmt.Errorf("partition is not in the answer: %w", kafka.NetworkException))
	default:
		err = b.codeError(answer.ErrorCode, answer.ErrorMessage)
	}
	if errors.Is(err, messages.ErrTooLarge) && len(sent) > 1 {
		part.single = true // surely not written: they are sent again, one by one
		return
	}
	part.pending = part.pending[len(sent):]
	for i, at := range sent {
		if err != nil {
			out[at] = failure(part, err)
			continue
		}
		out[at] = messages.Produced{Offset: answer.BaseOffset + int64(i)}
	}
	if err != nil && !errors.Is(err, messages.ErrTooLarge) {
		// A later record must not overtake one that may be sent again.
		for _, at := range part.pending {
			out[at] = failure(part, fmt.Errorf("%w: behind a failed record", messages.ErrNotWritten))
		}
		part.pending = nil
	}
}

func failure(part *unsentRecords, err error) messages.Produced {
	return messages.Produced{
		Offset: messages.UnknownOffset,
		Err:    fmt.Errorf("produce to %s/%d: %w", part.topic, part.index, err),
	}
}
