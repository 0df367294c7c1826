package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"

	"kafka-master/messages"
)

const (
	allReplicas = -1
	// maxBatch keeps a batch below the 1,048,588 bytes that a broker accepts by
	// default: its limit is for the batch, not for the record.
	maxBatch = 1_000_000
	// maxRequest keeps a request below what any broker reads as one frame.
	maxRequest = 8 << 20
	// recordOverhead is more than a record's own fields take in a batch.
	recordOverhead = 32
)

// partition names one partition of a topic.
type partition struct {
	topic string
	index int32
}

// outbox is what remains to be sent to one partition.
type outbox struct {
	partition
	pending []int // indexes into the caller's records, in their order
	// single is set once a batch was refused for its size: from then on each
	// record travels alone, so that only the large one is refused.
	single bool
}

// Produce sends records, which must have one leader, and returns one outcome
// each, in their order, once all in-sync replicas have them. Records of one
// partition keep their order and get contiguous offsets.
//
// All records travel in one request, unless they are more than a broker takes
// in one batch (about 1 MB) or request (8 MiB); then further requests follow. It
// blocks up to ctx, at most 10 s per request. Nothing is ever sent twice, and
// what follows a failed record of the same partition is not sent.
func (b *Bus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	out := make([]messages.Produced, len(records))
	for boxes := sortOut(records); len(boxes) > 0; {
		round, sent := load(boxes, records)
		answers, err := b.produce(ctx, round, sent, records)
		for i, box := range round {
			b.settle(box, sent[i], answers, err, out)
		}
		boxes = unsent(boxes)
	}
	return out
}

// sortOut groups records by partition, in the order of their first records.
func sortOut(records []messages.Record) []*outbox {
	var boxes []*outbox
	index := make(map[partition]*outbox, len(records))
	for i, r := range records {
		p := partition{r.Topic, r.Partition}
		box := index[p]
		if box == nil {
			box = &outbox{partition: p}
			index[p] = box
			boxes = append(boxes, box)
		}
		box.pending = append(box.pending, i)
	}
	return boxes
}

// load picks what the next request carries: of each partition as many records
// as fit, at least one record in all.
func load(boxes []*outbox, records []messages.Record) (round []*outbox, sent [][]int) {
	room := maxRequest
	for _, box := range boxes {
		n, size := 0, 0
		for _, i := range box.pending {
			s := len(records[i].Key) + len(records[i].Value) + recordOverhead
			first := len(round) == 0 && n == 0
			if !first && (size+s > room || n > 0 && (box.single || size+s > maxBatch)) {
				break
			}
			size += s
			n++
		}
		if n > 0 {
			round = append(round, box)
			sent = append(sent, box.pending[:n])
			room -= size
		}
	}
	return round, sent
}

func unsent(boxes []*outbox) []*outbox {
	rest := boxes[:0]
	for _, box := range boxes {
		if len(box.pending) > 0 {
			rest = append(rest, box)
		}
	}
	return rest
}

// produce sends one request and returns the answers by partition.
func (b *Bus) produce(
	ctx context.Context, round []*outbox, sent [][]int, records []messages.Record,
) (map[partition]produce.ResponsePartition, error) {
	req := &produce.Request{Acks: allReplicas, Timeout: int32(callTimeout / 2 / time.Millisecond)}
	topics := make(map[string]int)
	for i, box := range round {
		at, ok := topics[box.topic]
		if !ok {
			at = len(req.Topics)
			topics[box.topic] = at
			req.Topics = append(req.Topics, produce.RequestTopic{Topic: box.topic})
		}
		t := &req.Topics[at]
		t.Partitions = append(t.Partitions, produce.RequestPartition{
			Partition: box.index,
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

// settle writes the outcomes of what was sent to one partition into out and
// takes it off the partition's outbox.
func (b *Bus) settle(
	box *outbox, sent []int, answers map[partition]produce.ResponsePartition, err error, out []messages.Produced,
) {
	answer, ok := answers[box.partition]
	switch {
	case err != nil:
	case !ok:
		err = classify(fmt.Errorf("partition is not in the answer: %w", kafka.NetworkException))
	default:
		err = b.code(answer.ErrorCode, answer.ErrorMessage)
	}
	if errors.Is(err, messages.ErrTooLarge) && len(sent) > 1 {
		box.single = true // surely not written: once more, one by one
		return
	}
	box.pending = box.pending[len(sent):]
	for i, at := range sent {
		if err != nil {
			out[at] = failure(box, err)
			continue
		}
		out[at] = messages.Produced{Offset: answer.BaseOffset + int64(i)}
	}
	if err != nil && !errors.Is(err, messages.ErrTooLarge) {
		// A later record must not overtake one that may be sent again.
		for _, at := range box.pending {
			out[at] = failure(box, fmt.Errorf("%w: behind a failed record", messages.ErrNotWritten))
		}
		box.pending = nil
	}
}

func failure(box *outbox, err error) messages.Produced {
	return messages.Produced{
		Offset: messages.UnknownOffset,
		Err:    fmt.Errorf("produce to %s/%d: %w", box.topic, box.index, err),
	}
}
