package actors

import (
	"fmt"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// batchSizeCommitted reports that a batch size is in the store. Nobody hears of it before,
// because a leader that ends meanwhile may take the change with it.
type batchSizeCommitted struct {
	items int
	asker *actor.PID // nil when it was chosen at the start
	by    string     // who asked
}

// chooseBatchSize decides between the stored batch size and the variable: a value that
// was set through the API wins until the variable itself changes between two starts.
func (t *term) chooseBatchSize(ctx actor.Context) {
	stored, err := strconv.Atoi(t.snap.Values[messages.ValueBatchSize])
	known := err == nil && stored > 0
	if known && t.snap.Values[messages.ValueBatchSizeOrigin] == t.cfg.BatchSizeText {
		t.batch, t.committed, t.written = stored, stored, stored
		return
	}
	t.batch = t.cfg.BatchSize
	if known && stored != t.batch {
		t.log.Info("BATCH_SIZE was changed since the last start: it wins over the stored value", "batch_size", t.batch, "was", stored)
	}
	t.storeBatchSize(ctx, &batchSizeCommitted{items: t.batch})
}

func (t *term) storeBatchSize(ctx actor.Context, done *batchSizeCommitted) {
	var entry *messages.AuditEntry
	if done.asker != nil {
		entry = &messages.AuditEntry{At: time.Now(), By: done.by, Action: messages.ActionBatchSize, Old: strconv.Itoa(t.written), New: strconv.Itoa(done.items)}
	}
	t.written = done.items
	ctx.Send(t.persistence, &write{
		term: t.term, audit: entry, after: []notice{{to: ctx.Self(), msg: done}},
		batch: messages.Batch{Values: []messages.Value{
			{Name: messages.ValueBatchSize, Value: strconv.Itoa(done.items)},
			{Name: messages.ValueBatchSizeOrigin, Value: t.cfg.BatchSizeText},
		}},
	})
}

func (t *term) onQueryBatchSize(ctx actor.Context) {
	switch {
	case t.committed == 0:
		ctx.Respond(unavailable("the state is being loaded"))
	case time.Now().After(t.trusted):
		ctx.Respond(unavailable("another master may lead by now"))
	default:
		ctx.Respond(t.committed)
	}
}

func (t *term) onSetBatchSize(ctx actor.Context, q messages.SetBatchSize) {
	switch {
	case q.Items < 1 || q.Items > messages.MaxBatchSize:
		ctx.Respond(fmt.Errorf("%w: batch size %d, allowed 1 to %d", messages.ErrRange, q.Items, messages.MaxBatchSize))
	case t.dispatcher == nil:
		ctx.Respond(unavailable("the master is starting"))
	default:
		t.storeBatchSize(ctx, &batchSizeCommitted{items: q.Items, asker: ctx.Sender(), by: q.By})
	}
}

// onBatchSizeCommitted has the files planned with a batch size that is committed.
func (t *term) onBatchSizeCommitted(ctx actor.Context, m *batchSizeCommitted) {
	if m.items != t.batch {
		t.log.Info("batch size changed", "batch_size", m.items, "was", t.batch)
		ctx.Send(t.dispatcher, &useBatchSize{items: m.items})
	}
	t.batch, t.committed = m.items, m.items
	if m.asker != nil {
		ctx.Send(m.asker, m.items)
	}
}
