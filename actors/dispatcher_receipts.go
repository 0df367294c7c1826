package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// receipts are the acknowledgements of results that were judged. Those of some fetches go to
// ingress together: nothing waits for them but the offsets and, with many of them, the next
// fetch.
type receipts struct {
	ingress *actor.PID
	list    []acked
	due     alarm
}

const (
	// maxReceipts is how many fetches are acknowledged together, a fraction of those that
	// may be open.
	maxReceipts = maxOpenBatches / 4
	// receiptDelay is how long an acknowledgement waits at most.
	receiptDelay = 5 * time.Millisecond
)

// add takes the acknowledgement of a message whose effects were sent to persistence.
func (r *receipts) add(ctx actor.Context, one receipt) {
	if one.ingress == nil {
		return
	}
	r.ingress = one.ingress
	if n := len(r.list) - 1; n >= 0 && r.list[n].batch == one.batch {
		r.list[n].n++
		return
	}
	if len(r.list) == maxReceipts {
		r.send(ctx)
	}
	r.list = append(r.list, acked{batch: one.batch, n: 1})
	r.due.by(ctx, time.Now().Add(receiptDelay))
}

// send sends what was collected.
func (r *receipts) send(ctx actor.Context) {
	if len(r.list) > 0 {
		ctx.Send(r.ingress, &ackedBatches{list: r.list})
		r.list = nil
	}
}
