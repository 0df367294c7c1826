package httpapi

import (
	"fmt"

	"kafka-master/messages"
)

// administered answers questions about workers and masters, and nothing for others.
func (f *fakeMaster) administered(q messages.Query) (any, error) {
	switch q := q.(type) {
	case messages.QueryWorker:
		return f.detail(q.ID), nil
	case messages.DrainWorker:
		return f.steerWorker(q.ID, "draining", func(s *messages.WorkerStanding) {
			*s = messages.WorkerStanding{State: messages.WorkerDraining, Drain: &messages.Drain{By: q.By, Since: began}}
		})
	case messages.ResumeWorker:
		return f.steerWorker(q.ID, "resumed", func(s *messages.WorkerStanding) { *s = messages.WorkerStanding{State: messages.WorkerAnnounced} })
	case messages.ForgetWorker:
		return f.steerWorker(q.ID, "forgotten", func(s *messages.WorkerStanding) { *s = messages.WorkerStanding{State: messages.WorkerGone} })
	case messages.RecallChunks:
		switch q.Worker {
		case "nobody":
			return nil, fmt.Errorf("%w: there is no worker %q", messages.ErrNotFound, q.Worker)
		case "w-classic":
			return nil, fmt.Errorf("%w: it cannot", messages.ErrConflict)
		}
		f.changes++
		return messages.ChunksRecalled{BatchIDs: []string{q.BatchID}}, nil
	case messages.QueryTopicDetails:
		return exampleTopics(), nil
	case messages.QueryLogLevel:
		return f.level(), nil
	case messages.SetLogLevel:
		f.logLevel = messages.LogLevel(q.Level)
		f.changes++
		return f.logLevel, nil
	case messages.QueryAudit:
		return messages.Audit{{At: began, By: "api", Action: "batch_size", Old: "500", New: "50"}, {At: began, By: "10.0.0.7", Action: "drain", Target: "w-1", Old: "busy", New: "draining"}}, nil
	case messages.StepDown:
		f.changes++
		return messages.SteppedDown{Old: messages.Leadership{Leader: messages.Leader{MasterID: "m1", API: "m1:3001"}, Term: 7}, New: messages.Leadership{Term: 7}}, nil
	}
	return nil, nil
}

func (f *fakeMaster) detail(id messages.WorkerID) *messages.WorkerDetail {
	for _, w := range f.workers {
		if w.ID == id {
			return &messages.WorkerDetail{WorkerStatus: w, Attempts: []messages.WorkerAttempt{{
				Chunk: messages.ChunkID{File: 3, Index: 7}, Path: "a.txt", BatchID: "a_chunk_7_a2", Number: 2, Items: 500, Began: began, Ended: began, Result: "failed", Error: "exit status 1",
			}, {Chunk: messages.ChunkID{File: 2}, Number: 1, Items: 1, Failed: 1, Ended: began, Result: "late"}}}
		}
	}
	return nil
}

func (f *fakeMaster) steerWorker(id messages.WorkerID, how string, change func(*messages.WorkerStanding)) (any, error) {
	for i := range f.workers {
		w := &f.workers[i]
		if w.ID != id {
			continue
		}
		if how == "forgotten" && w.State != messages.WorkerLost {
			return nil, fmt.Errorf("%w: worker %q is %s", messages.ErrConflict, id, w.State)
		}
		old := messages.WorkerStanding{State: w.State, Drain: w.Drain}
		now := old
		change(&now)
		w.State, w.Drain, f.steered = now.State, now.Drain, id
		f.changes++
		return messages.WorkerChanged{Old: old, New: now}, nil
	}
	return nil, fmt.Errorf("%w: there is no worker %q", messages.ErrNotFound, id)
}

func (f *fakeMaster) level() messages.LogLevel {
	if f.logLevel == "" {
		return messages.DefaultLogLevel
	}
	return f.logLevel
}

func exampleMasters() messages.Masters {
	return messages.Masters{List: []messages.MasterStatus{
		{ID: "m1", Role: "leader", Term: 7, API: "m1:3001", Version: "v1.2.3", Started: began, Seen: began, LeaseUntil: began, BackEnds: []messages.BackEnd{
			{Name: "kafka", OK: true}, {Name: "input", Since: began, Error: "no share"},
		}},
		{ID: "m2", Role: "silent", Term: 6},
	}}
}

func exampleTopics() []messages.TopicDetail {
	const none = messages.UnknownOffset
	return []messages.TopicDetail{
		{Name: "master-signal", Use: "chunks", Group: "g", Error: "partition 1 does not answer", Partitions: []messages.PartitionDetail{
			{Leader: 1, Start: 0, End: 30, Committed: 20}, {Leader: messages.NoLeader, Start: none, End: none, Committed: none}, {Leader: 2, Start: 5, End: 7, Committed: 5}, {Leader: 2},
		}},
		{Name: "master-heartbeat", Use: "masters", Partitions: []messages.PartitionDetail{{Leader: 1, End: 9, Committed: none}}},
	}
}
