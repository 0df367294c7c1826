package actors

import (
	"fmt"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// MaxBatchSize is the largest batch size in items.
const MaxBatchSize = 1_000_000

// chooseBatchSize decides between the stored batch size and the variable: a value that
// was set through the API wins until the variable itself changes between two starts.
func (t *term) chooseBatchSize(ctx actor.Context) {
	t.batch = t.cfg.BatchSize
	stored, err := strconv.Atoi(t.snap.Values[messages.ValueBatchSize])
	origin := t.snap.Values[messages.ValueBatchSizeOrigin]
	if err == nil && stored > 0 && origin == t.cfg.BatchSizeText {
		t.batch = stored
		return
	}
	if err == nil && stored != t.batch {
		t.log.Info("BATCH_SIZE was changed since the last start: it wins over the stored value", "batch_size", t.batch, "was", stored)
	}
	t.write(ctx, messages.Batch{Values: []messages.Value{
		{Name: messages.ValueBatchSize, Value: strconv.Itoa(t.batch)},
		{Name: messages.ValueBatchSizeOrigin, Value: t.cfg.BatchSizeText},
	}})
}

func (t *term) onQueryBatchSize(ctx actor.Context) {
	switch {
	case t.topics == nil:
		ctx.Respond(unavailable("the state is being loaded"))
	case time.Now().After(t.trusted):
		ctx.Respond(unavailable("another master may lead by now"))
	default:
		ctx.Respond(t.batch)
	}
}

func (t *term) onSetBatchSize(ctx actor.Context, q messages.SetBatchSize) {
	if q.Items < 1 || q.Items > MaxBatchSize {
		ctx.Respond(fmt.Errorf("%w: batch size %d, allowed 1 to %d", messages.ErrRange, q.Items, MaxBatchSize))
		return
	}
	if t.dispatcher == nil {
		ctx.Respond(unavailable("the master is starting"))
		return
	}
	t.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueBatchSizeOrigin, Value: t.cfg.BatchSizeText}}})
	ctx.Send(t.dispatcher, &useBatchSize{items: q.Items, reply: ctx.Self(), msg: &batchSizeKept{items: q.Items, asker: ctx.Sender()}})
}

func (t *term) onBatchSizeKept(ctx actor.Context, m *batchSizeKept) {
	if m.items != t.batch {
		t.log.Info("batch size changed", "batch_size", m.items, "was", t.batch)
	}
	t.batch = m.items
	if m.asker != nil {
		ctx.Send(m.asker, m.items)
	}
}
