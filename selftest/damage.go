package selftest

import (
	"context"
	"time"

	"kafka-master/messages"
)

// apply does what an event says. What has to be undone later is undone by a timer.
func (r *run) apply(ctx context.Context, e event) {
	r.counts[e.kind]++
	switch e.kind {
	case killWorker:
		r.restart(r.workers[e.who], e)
	case killMaster:
		r.restart(r.masters[e.who], e)
	case freezeWorker:
		p := r.workers[e.who]
		r.say("%s stands still for %.1f s", p.name, e.last.Seconds())
		freeze(p)
		time.AfterFunc(e.last, func() { thaw(p) })
	case resultsAway:
		r.say("no result can be written for %.1f s", e.last.Seconds())
		if err := r.linkResults(blockedFile); err != nil {
			r.say("%v", err)
		}
		time.AfterFunc(e.last, func() { _ = r.linkResults(storeFolder) })
	case garbage:
		r.say("garbage in every topic")
		r.pollute(ctx)
	case repeatAll:
		r.say("%d messages arrive once more", r.repeat(ctx))
	case batchSize:
		r.say("batch size %d", e.size)
		if err := r.API.SetBatchSize(ctx, e.size); err != nil {
			r.say("no master took it: %v", err)
		}
	}
}

// restart kills a process, and starts it again after a while.
func (r *run) restart(p *process, e event) {
	r.say("%s is killed, and starts again after %.1f s", p.name, e.last.Seconds())
	thaw(p) // One that stands still dies, too, but not before it goes on.
	p.kill()
	time.AfterFunc(e.last, func() { _ = p.start() })
}

// wireLimit bounds one call to Kafka, which may be away: the embedded broker dies with its
// master.
const wireLimit = 3 * time.Second

// trash are records that are no messages, or such that nobody can have sent.
func trash() []string {
	return []string{
		"", "\x00\xff\xfe", "null", "[]", "{}", `{"id":`, `{"id":"nobody","batchId":"part-001_chunk_0","processing":1,"total":1}`,
		`{"id":"worker-1","batchId":"part-001_chunk_0","processing":1,"total":1,"result":"ok"}`,
		`{"id":"worker-1","batchId":"part-001_chunk_0_a99","processing":9,"total":9,"result":"ok","protocol":2,"incarnation":"1-x"}`,
		`{"status":"bye","id":"worker-1","protocol":2,"incarnation":"1-x"}`, `{"status":"heartbeat","id":"worker-2","protocol":2,"incarnation":"1-x","next":-1}`,
	}
}

// pollute writes garbage to every topic.
func (r *run) pollute(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, wireLimit)
	defer cancel()
	for _, topic := range r.Topics {
		var records []messages.Record
		for _, text := range trash() {
			records = append(records, messages.Record{Topic: topic, Value: []byte(text)})
		}
		r.Wire.Produce(ctx, records)
	}
}

// maxRepeated is how many of the last records of a partition are written again.
const maxRepeated = 100

// repeat writes the last records of every partition again, and returns their number.
func (r *run) repeat(ctx context.Context) (n int) {
	ctx, cancel := context.WithTimeout(ctx, wireLimit)
	defer cancel()
	for _, topic := range r.Topics {
		start, end, err := r.Wire.Offsets(ctx, topic)
		if err != nil {
			continue
		}
		for partition := range end {
			at := messages.Position{Topic: topic, Partition: int32(partition), Offset: max(start[partition], end[partition]-maxRepeated)}
			if at.Offset >= end[partition] {
				continue
			}
			n += r.repeatFrom(ctx, at)
		}
	}
	return n
}

func (r *run) repeatFrom(ctx context.Context, at messages.Position) int {
	fetched, err := r.Wire.Fetch(ctx, []messages.Position{at}, time.Millisecond)
	if err != nil {
		return 0
	}
	var again []messages.Record
	for _, f := range fetched {
		for _, m := range f.Records {
			again = append(again, messages.Record{Topic: at.Topic, Partition: at.Partition, Value: m.Value})
		}
	}
	if len(again) > 0 {
		r.Wire.Produce(ctx, again)
	}
	return len(again)
}
