package actors

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// onRecallChunks passes the request on to the supervisor of the worker, which knows what the
// worker has and can do.
func (f *fleet) onRecallChunks(ctx actor.Context, q messages.RecallChunks) {
	w := f.members[q.Worker]
	if w == nil || w.leaving {
		ctx.Respond(noSuchWorker(q.Worker))
		return
	}
	ctx.RequestWithCustomSender(w.pid, q, ctx.Sender())
}

// onRecallChunks has the worker give chunks back. Nothing changes before it answers: a request
// that gets lost can be made again.
func (s *supervisor) onRecallChunks(ctx actor.Context, q messages.RecallChunks) {
	var ids []string
	for _, h := range s.load.Held {
		if q.BatchID == "" || h.BatchID == q.BatchID {
			ids = append(ids, h.BatchID)
		}
	}
	switch {
	case !s.known.Recalls:
		ctx.Respond(fmt.Errorf("%w: worker %q cannot be asked to give chunks back: stop its process, and they go to others", messages.ErrConflict, q.Worker))
		return
	case len(ids) == 0 && q.BatchID != "":
		ctx.Respond(fmt.Errorf("%w: worker %q does not have the chunk %q now", messages.ErrNotFound, q.Worker, q.BatchID))
		return
	}
	s.logger().Info("chunks are recalled by a person", "chunks", len(ids), "by", q.By)
	for list := range slices.Chunk(ids, messages.MaxRecalled) {
		ctx.Send(s.freeWorker, &recall{batchIDs: list, stop: true})
	}
	ctx.Send(s.persistence, &write{
		term:  s.term,
		audit: &messages.AuditEntry{At: time.Now(), By: q.By, Action: messages.ActionRecall, Target: string(q.Worker), Old: strings.Join(ids, " "), New: "given back"},
		after: []notice{{to: ctx.Sender(), msg: messages.ChunksRecalled{BatchIDs: ids}}},
	})
}
