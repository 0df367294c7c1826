package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kafka-master/messages"
)

// fakeMaster answers the questions of the API from what a test sets.
type fakeMaster struct {
	mu                sync.Mutex
	overview          messages.Overview
	files             []*messages.FileStatus // in the order of their ids
	workers           []messages.WorkerStatus
	attempts          []messages.WorkerAttempt // of each of them
	batch, partitions int
	level             messages.LogLevel
	chunks            []messages.ChunkStatus // of each file
	masters           []messages.MasterStatus
	looks             int                    // questions for the overview so far
	onLook            func(*fakeMaster, int) // called before each of them
	waiting           []messages.WaitingFile
	onRescan          func(*fakeMaster) // called when the folder is listed
}

// Ask implements httpapi.Asker.
func (m *fakeMaster) Ask(_ context.Context, q messages.Query) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := q.(messages.QueryOverview); ok {
		m.looks++
		if m.onLook != nil {
			m.onLook(m, m.looks)
		}
	}
	switch q := q.(type) {
	case messages.QueryOverview:
		o := m.overview
		for _, f := range m.files {
			o.Files.Add(*f, 1)
		}
		for _, w := range m.workers {
			o.Workers[w.Kind][w.State]++
		}
		return o, nil
	case messages.QueryFiles:
		return m.files, nil
	case messages.QueryFile:
		for _, f := range m.files {
			if f.ID == q.ID {
				return f, nil
			}
		}
		return (*messages.FileStatus)(nil), nil
	case messages.QueryWorkers:
		return m.workers, nil
	}
	return m.steer(q)
}

// steer changes what the question is to change.
func (m *fakeMaster) steer(q messages.Query) (any, error) {
	switch q := q.(type) {
	case messages.CancelFile:
		for i, f := range m.files {
			if f.ID == q.ID {
				fresh := *f.File
				fresh.State, fresh.CancelledItems, fresh.Ended = messages.FileCancelled, fresh.Missing(), time.Now()
				m.files[i] = &messages.FileStatus{File: &fresh}
				return messages.FileChange{Old: f, New: m.files[i]}, nil
			}
		}
		return nil, messages.ErrNotFound
	case messages.Rescan:
		if m.onRescan != nil {
			m.onRescan(m)
		}
		return messages.Rescanned{Files: 3, Settling: 1}, nil
	case messages.QueryChunks:
		return &messages.ChunkPage{Total: len(m.chunks), List: m.chunks}, nil
	case messages.QueryLetters:
		return []*messages.Letter(nil), nil
	case messages.QueryBatchSize:
		return m.batch, nil
	case messages.SetBatchSize:
		m.batch = q.Items
		return m.batch, nil
	case messages.QueryLogLevel:
		return m.level, nil
	case messages.SetLogLevel:
		m.level = messages.LogLevel(q.Level)
		return m.level, nil
	case messages.QueryTopics:
		return []messages.Topic{{Name: "master-signal", Partitions: m.partitions}}, nil
	case messages.GrowPartitions:
		if q.Partitions < m.partitions {
			return nil, messages.ErrShrink
		}
		m.partitions = q.Partitions
		return []messages.Topic{{Name: "master-signal", Partitions: m.partitions}}, nil
	case messages.QueryAudit:
		return messages.Audit{{At: time.Now(), By: "api", Action: "set", Target: "batch_size", Old: "500", New: "200"}}, nil
	case messages.QueryMasters:
		return messages.Masters{List: m.masters}, nil
	case messages.QueryTopicDetails:
		return []messages.TopicDetail{{Name: "master-signal", Use: "chunks", Partitions: []messages.PartitionDetail{
			{Leader: 1, Start: 0, End: 7, Committed: messages.UnknownOffset}, {Leader: messages.NoLeader, Start: messages.UnknownOffset, End: messages.UnknownOffset, Committed: messages.UnknownOffset},
		}, Error: "partition 1: no leader"}, {Name: "worker-signal", Use: "signals", Group: "master", Partitions: []messages.PartitionDetail{{Leader: 1, End: 1200, Committed: 1000}}}}, nil
	case messages.StepDown:
		return messages.SteppedDown{Old: messages.Leadership{Leader: m.overview.Leader, Term: 7}, New: messages.Leadership{Leader: messages.Leader{MasterID: "m2"}, Term: 8}}, nil
	case messages.QueryWorker:
		if w := m.worker(q.ID); w != nil {
			return &messages.WorkerDetail{WorkerStatus: *w, Attempts: m.attempts}, nil
		}
		return (*messages.WorkerDetail)(nil), nil
	case messages.DrainWorker:
		return m.drain(q.ID, &messages.Drain{By: q.By, Since: time.Now()})
	case messages.ResumeWorker:
		return m.drain(q.ID, nil)
	case messages.ForgetWorker:
		if w := m.worker(q.ID); w != nil && w.State == messages.WorkerLost {
			return messages.WorkerChanged{Old: messages.WorkerStanding{State: w.State}}, nil
		}
		return nil, messages.ErrConflict
	case messages.QueryWaiting:
		return slices.DeleteFunc(slices.Clone(m.waiting), func(f messages.WaitingFile) bool {
			return !strings.Contains(f.Info.Path, strings.ToLower(q.Part))
		}), nil
	case messages.SetWaiting:
		return messages.WaitingChanged{New: q.Priority}, nil
	case messages.SetDispatch:
		old := m.overview.Dispatch
		var err error
		m.overview.Dispatch, err = q.Apply(old, time.Now())
		return messages.DispatchChanged{Old: old, New: m.overview.Dispatch}, err
	case messages.SetFile:
		for i, f := range m.files {
			if f.ID != q.ID {
				continue
			}
			fresh := *f.File
			if q.Priority != nil {
				fresh.Priority = *q.Priority
			}
			if q.Share != nil {
				fresh.Share = *q.Share
			}
			m.files[i] = &messages.FileStatus{File: &fresh, Paused: f.Paused}
			if q.Paused != nil {
				m.files[i].Paused = map[bool]string{true: "paused by " + q.By}[*q.Paused]
			}
			return messages.FileSteered{Old: *f, New: *m.files[i]}, nil
		}
	}
	return nil, messages.ErrUnavailable
}

// worker returns the worker with an id.
func (m *fakeMaster) worker(id messages.WorkerID) *messages.WorkerStatus {
	for i := range m.workers {
		if m.workers[i].ID == id {
			return &m.workers[i]
		}
	}
	return nil
}

// drain changes whether a worker is drained.
func (m *fakeMaster) drain(id messages.WorkerID, d *messages.Drain) (any, error) {
	w := m.worker(id)
	if w == nil {
		return nil, messages.ErrNotFound
	}
	old := messages.WorkerStanding{State: w.State, Drain: w.Drain}
	w.Drain = d
	return messages.WorkerChanged{Old: old, New: messages.WorkerStanding{State: w.State, Drain: d}}, nil
}

// exampleMaster has three files, of which one is in work, and two workers.
func exampleMaster(now time.Time) *fakeMaster {
	file := func(id messages.FileID, path string, state messages.FileState, done int64) *messages.FileStatus {
		f := messages.File{
			ID: id, Generation: 1, State: state, Info: messages.FileInfo{Path: path, Size: 20_000}, Started: now.Add(-10 * time.Minute),
			Cursor: messages.Cursor{Offset: 20_000, Index: 4}, Items: 2000, DoneItems: done, DoneChunks: done / 500,
		}
		if state.Terminal() {
			f.Ended = now.Add(-time.Minute)
		}
		return &messages.FileStatus{File: &f}
	}
	m := &fakeMaster{
		batch: 500, partitions: 15, level: "default",
		overview: messages.Overview{Role: "leader", Term: 7, Leader: messages.Leader{MasterID: "m1", API: "10.0.0.1:3001"}, Listed: 3, OldestReady: 38 * time.Second},
		files: []*messages.FileStatus{
			file(1, "old.txt", messages.FileDone, 2000), file(2, "bad.txt", messages.FileDoneWithRejects, 1500), file(3, "ips.txt", messages.FileRunning, 500),
		},
		workers: []messages.WorkerStatus{
			{ID: "w-1", Kind: messages.Native, State: messages.WorkerBusy, Capacity: 2, Partitions: []int32{3}, Held: []messages.HeldChunk{{BatchID: "ips_chunk_1", Since: now, Began: now}, {BatchID: "ips_chunk_2", Since: now}}, Seen: now},
			{ID: "w-2", Kind: messages.Native, State: messages.WorkerLost, Capacity: 1, Seen: now.Add(-time.Hour), Note: "it was silent for 80 s"},
		},
	}
	m.waiting = []messages.WaitingFile{
		{Info: messages.FileInfo{Path: "late.txt"}, Since: now, Why: messages.Why{Reason: messages.WhySettling, Text: "may still be written"}},
		{Info: messages.FileInfo{Path: "sub/late.txt"}, Since: now, Settled: true, Why: messages.Why{Reason: messages.WhyBudget, Text: "waits for a place"}},
	}
	m.attempts = []messages.WorkerAttempt{
		{Path: "ips.txt", BatchID: "ips_chunk_0", Items: 500, Began: now.Add(-30 * time.Second), Ended: now.Add(-20 * time.Second), Result: "done"},
		{Path: "bad.txt", BatchID: "bad_chunk_3", Items: 500, Ended: now.Add(-time.Minute), Result: "failed", Error: "exit status 3"},
	}
	m.chunks = []messages.ChunkStatus{
		{Chunk: messages.Chunk{ID: messages.ChunkID{File: 3, Index: 1}, FirstLine: 501, Lines: 500}, Items: 500, State: "running", Worker: "w-1", Attempt: 1, Since: now.Add(-time.Minute), StalledSince: now.Add(-time.Minute)},
		{Chunk: messages.Chunk{ID: messages.ChunkID{File: 3, Index: 2}, FirstLine: 1001, Lines: 500}, Items: 500, State: "back_off", Worker: "w-2", Attempt: 2, Since: now, Why: messages.Why{Reason: messages.WhyBackOff, Text: "it failed and is tried again later"}},
	}
	m.masters = []messages.MasterStatus{
		{ID: "m1", Role: "leader", Term: 7, API: "10.0.0.1:3001", Version: "v1", Started: now.Add(-2 * time.Hour), Seen: now, BackEnds: []messages.BackEnd{{Name: "kafka", OK: true}, {Name: "state", OK: true}}},
		{ID: "m2", Role: "standby", Term: 7, API: "10.0.0.2:3001", Started: now.Add(-time.Hour), Seen: now, BackEnds: []messages.BackEnd{{Name: "kafka", OK: true}, {Name: "state", Error: "connection refused"}}},
	}
	m.files[1].FailedItems, m.files[1].DeadItems = 100, 400
	m.files[1].DeadChunks = 1
	m.files[2].Ready, m.files[2].Running = 1, 2
	m.files[2].Forecast = messages.Forecast{ItemsPerS: 2.5, Remaining: 1500, ETA: now.Add(10 * time.Minute)}
	m.overview.Forecast = m.files[2].Forecast
	m.overview.Problems = []messages.Problem{{Kind: messages.ProblemStalledChunk, Part: "workers", Text: "ips_chunk_1 shows no progress at w-1", Since: now.Add(-5 * time.Minute), Count: 1}}
	return m
}

// endAt has the file in work end with the n-th question for the overview.
func endAt(n int) func(*fakeMaster, int) {
	return func(m *fakeMaster, look int) {
		if look != n {
			return
		}
		f := *m.files[2].File
		f.State, f.DoneItems, f.Ended = messages.FileDone, 2000, time.Now()
		m.files[2] = &messages.FileStatus{File: &f}
	}
}

// many has n files that are done.
func many(n int) *fakeMaster {
	m := exampleMaster(time.Now())
	m.files = nil
	for i := range n {
		m.files = append(m.files, &messages.FileStatus{File: &messages.File{ID: messages.FileID(i + 1), Generation: 1, State: messages.FileDone, Info: messages.FileInfo{Path: fmt.Sprintf("f%05d.txt", i)}, Ended: time.Now()}})
	}
	return m
}
