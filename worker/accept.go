package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"kafka-master/messages"
)

// accept handles one record. It returns false when ctx ended first.
func (w *session) accept(ctx context.Context, r messages.Received) bool {
	m, ok := w.decode(r)
	if !ok {
		w.desk.setNext(r.Offset + 1)
		return true
	}
	if !w.signals.room(ctx) {
		return false
	}
	if m.IsRecall() {
		w.giveBack(m, r.Offset)
		return true
	}
	chunk := newChunk(m)
	if err := w.wrongDeployment(chunk.Deployment); err != nil {
		w.returnForeign(chunk, r.Offset, err)
		return true
	}
	d := w.desk.decide(chunk, r.Offset)
	if d.final && d.answer.Outcome == messages.OutcomeOK && !w.hasResult(chunk) {
		w.log.Warn("the result of a finished chunk is missing, running the chunk again", "batch_id", chunk.BatchID)
		w.desk.forget(chunk.BatchID)
		d = w.desk.decide(chunk, r.Offset)
	}
	switch {
	case d.start != nil:
		w.startAttempt(d.start)
	case d.answer != nil:
		w.sendSignal(*d.answer, d.final)
	case d.stale:
		w.log.Warn("chunk of a former leader dropped", "batch_id", chunk.BatchID, "attempt", chunk.Attempt, "term", chunk.Term)
	}
	return true
}

// giveBack gives back the chunks of a recall that have not begun.
func (w *session) giveBack(m messages.ChunkMessage, offset int64) {
	for _, final := range w.desk.recall(m) {
		w.log.Debug("chunk given back for an idle worker", "batch_id", final.BatchID)
		w.sendSignal(final, true)
	}
	w.desk.setNext(offset + 1)
}

// wrongDeployment returns an error when this worker does not serve the deployment
// of a chunk.
func (w *session) wrongDeployment(deployment string) error {
	if w.cfg.Deployment == nil || deployment == "" {
		return nil
	}
	own := w.cfg.Deployment()
	if own == "" || own == deployment {
		return nil
	}
	return fmt.Errorf("the chunks at %s belong to deployment %.64q, but this worker serves %q: set KAFKA_BROKER_ADDRESS to the broker of its own master, or --deployment %.64s",
		strings.Join(w.cfg.Brokers, ","), deployment, own, deployment)
}

// returnForeign gives back a chunk of another deployment and suspends the worker
// until it serves that deployment.
func (w *session) returnForeign(c Chunk, offset int64, why error) {
	w.desk.setNext(offset + 1)
	w.sendSignal(resultOf(c, 0, messages.OutcomeRetry, why.Error()), true)
	w.suspend(&unfitError{cause: why, check: func(context.Context) error { return w.wrongDeployment(c.Deployment) }})
}

// hasResult reports whether the result of a finished chunk still exists.
func (w *session) hasResult(c Chunk) bool {
	return w.cfg.Results.Dir == "" || w.cfg.Results.has(c)
}

// decode reads a record. ok is false for a record that is not for this worker.
func (w *session) decode(r messages.Received) (m messages.ChunkMessage, ok bool) {
	if !mentions(r.Value, w.cfg.ID) {
		return m, false
	}
	m, err := messages.DecodeChunk(r.Value)
	if err == nil && m.ID != w.cfg.ID {
		return m, false
	}
	if err == nil && m.Incarnation != "" && m.Incarnation != w.self.Incarnation.String() {
		w.log.Debug("chunk for another process with this worker's id skipped", "batch_id", m.BatchID, "incarnation", m.Incarnation)
		return m, false
	}
	if err == nil && !m.IsRecall() && (m.BatchID == "" || len(m.BatchID) > messages.MaxBatchID) {
		err = fmt.Errorf("chunk message: batchId has %d bytes, allowed 1 to %d", len(m.BatchID), messages.MaxBatchID)
	}
	if err != nil {
		w.log.Warn("invalid chunk message dropped", "offset", r.Offset, "err", err)
		return m, false
	}
	return m, true
}

// mentions reports whether a record may be for the worker id. Most records of a
// shared partition are for other workers and must cost almost nothing. It returns
// true for every record when JSON can spell the id in several ways: only decoding
// can find such an id.
func mentions(value []byte, id string) bool {
	for i := range len(id) {
		if id[i] >= 0x7f || strings.IndexByte(`"\<>&/`, id[i]) >= 0 {
			return true
		}
	}
	name, err := json.Marshal(id)
	return err != nil || bytes.Contains(value, name)
}
