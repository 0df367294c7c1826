package actors

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// read passes the records of a fetch on to the fleet.
func (i *ingress) read(ctx actor.Context, list []messages.Fetched) error {
	var failure error
	batch := &readBatch{upTo: map[place]int64{}, readAt: time.Now()}
	var out []messages.Signal
	for _, f := range list {
		at := place{f.Topic, f.Partition}
		r := i.at[at]
		switch {
		case r == nil:
			continue
		case f.Err != nil:
			failure = f.Err
			if errors.Is(f.Err, messages.ErrOffsetOutOfRange) {
				i.requestBounds(ctx, at.topic)
			}
			continue
		}
		if f.Skipped > 0 {
			i.reportSkipped(ctx, f)
		}
		out = i.decode(ctx, at, f.Records, out)
		if f.End >= 0 {
			r.end = f.End
		}
		if f.Offset > r.next {
			r.next = f.Offset
			batch.upTo[at] = f.Offset
		}
	}
	if len(batch.upTo) == 0 {
		return failure
	}
	out = coalesce(out)
	i.last++
	batch.left = len(out)
	i.batches[i.last] = batch
	if len(out) == 0 {
		i.storeOffsets(ctx)
	} else {
		ctx.Send(i.fleet, &signals{from: ctx.Self(), batch: i.last, list: out})
	}
	return failure
}

// decode appends the signals of the records. Those that are none are dropped.
func (i *ingress) decode(ctx actor.Context, at place, records []messages.Received, out []messages.Signal) []messages.Signal {
	out = slices.Grow(out, len(records))
	for _, rec := range records {
		s, err := messages.DecodeSignal(rec.Value)
		if err != nil {
			i.ignore(ctx, at, rec.Offset, err)
			continue
		}
		s.Old = rec.Offset < i.at[at].fresh
		out = append(out, s)
	}
	return out
}

// coalesce drops a progress message that the next one of the same attempt supersedes,
// because a classic worker sends one per item. It keeps final messages, and counts that
// fall, which show a repeated run.
func coalesce(list []messages.Signal) []messages.Signal {
	if !holdsProgress(list) {
		return list
	}
	type attempt struct {
		worker messages.WorkerID
		spoke  int // status messages of the worker before it, whose order must be kept
		batch  string
	}
	spoke, newest := map[messages.WorkerID]int{}, map[attempt]int{}
	kept := list[:0]
	for _, s := range list {
		if s.Kind != messages.SignalProgress {
			kept = append(kept, s)
			spoke[s.Worker]++
			continue
		}
		key := attempt{s.Worker, spoke[s.Worker], s.BatchID}
		if n, ok := newest[key]; ok && !kept[n].Final() && !s.Final() && s.Processing >= kept[n].Processing {
			kept[n] = s
			continue
		}
		newest[key] = len(kept)
		kept = append(kept, s)
	}
	return kept
}

// holdsProgress reports whether there may be progress messages that others supersede: native
// workers hardly send any.
func holdsProgress(list []messages.Signal) bool {
	for i := range list {
		if s := &list[i]; s.Kind == messages.SignalProgress && !s.Final() {
			return true
		}
	}
	return false
}

// reportSkipped reports batches that cannot be decoded. Their offsets are stored like all
// others, so that a restart does not find them again.
func (i *ingress) reportSkipped(ctx actor.Context, f messages.Fetched) {
	i.skipped += f.Skipped
	i.log.Warn("a batch of worker messages cannot be read and was skipped", "topic", f.Topic, "partition", f.Partition, "next", f.Offset, "err", f.Reason)
	ctx.Send(i.owner, &childProblem{key: "skipped", problem: messages.Problem{
		Kind: messages.ProblemBadMessages, Part: "kafka", Count: i.skipped,
		Text: fmt.Sprintf("batches of %s/%d cannot be read and were skipped, the last one: %v; find out who produces them", f.Topic, f.Partition, f.Reason),
	}})
}

// ignore counts a message that is dropped, and logs some of them.
func (i *ingress) ignore(ctx actor.Context, at place, offset int64, err error) {
	i.ignored++
	if i.ignored <= 10 || i.ignored%1000 == 0 {
		i.log.Info("worker message dropped", "topic", at.topic, "offset", offset, "err", err, "total", i.ignored)
	}
	ctx.Send(i.owner, &ignoredSignals{total: i.ignored})
}

// receipt acknowledges a worker message to ingress.
type receipt struct {
	ingress *actor.PID
	batch   uint64
}

// give acknowledges the message.
func (r receipt) give(ctx actor.Context) {
	if r.ingress != nil {
		ctx.Send(r.ingress, &acked{batch: r.batch, n: 1})
	}
}
