package actors

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// fleetBundle is a fleet whose neighbours are probes: supervisors and
// free-workers are real.
type fleetBundle struct {
	*stage
	fleet                                  *actor.PID
	owner                                  *probe
	dispatcher, persistence, egress, input *probe
	view                                   *probe
}

func stageFleet(t *testing.T, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	stageFleetOf(t, maxStrangers, restore, held, f)
}

// stageDrainedFleet is stageFleet with workers that the stored state calls drained.
func stageDrainedFleet(t *testing.T, drained messages.Drained, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	startFleet(t, maxStrangers, drained, restore, held, f)
}

// stageFleetOf is stageFleet with another bound of workers that were never seen working.
func stageFleetOf(t *testing.T, strangers int, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	startFleet(t, strangers, messages.Drained{}, restore, held, f)
}

func startFleet(t *testing.T, strangers int, drained messages.Drained, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	onStage(t, func(s *stage) {
		b := &fleetBundle{stage: s, dispatcher: s.probe("dispatcher"), persistence: s.probe("persistence"), egress: s.probe("egress"), input: s.probe("ingress"), owner: s.probe("intake"), view: s.probe("view")}
		deps := workerDeps{cfg: Config{ChunkTopic: "c", WorkerTimeout: time.Minute, Prefetch: 1}, files: &memFiles{}, dispatcher: b.dispatcher.pid, persistence: b.persistence.pid, egress: b.egress.pid, ingress: b.input.pid, group: s.probe("classic-group").pid, intake: b.owner.pid}
		b.fleet, _ = s.spawn("fleet", func() actor.Actor {
			x := newFleet(fleetDeps{workerDeps: deps, log: s.log, publishTo: b.view.pid}, 8, restore, drained, held)
			x.(*fleet).gate.most = strangers
			return x
		})
		// Ingress has always read everything.
		b.input.answer = func(ctx actor.Context, msg any) {
			if m, ok := msg.(*askCaughtUp); ok {
				ctx.Send(b.fleet, &caughtUp{supervisor: m.supervisor, forFreeWorker: m.forFreeWorker})
			}
		}
		f(b)
	})
}

func (b *fleetBundle) hear(list ...messages.Signal) {
	b.tell(b.fleet, &signals{from: b.input.pid, batch: 1, list: list})
}

func announce(id string, partition int32, start int64) messages.Signal {
	return messages.Signal{Kind: messages.SignalAnnounce, Worker: messages.WorkerID(id), Protocol: 2, Capacity: 1,
		Partitions: []int32{partition}, Incarnation: messages.Incarnation{StartMS: start, Random: "r"}, Next: messages.UnknownOffset}
}

func beatOf(id string, start int64, next int64, running ...string) messages.Signal {
	s := announce(id, 3, start)
	s.Kind, s.Next, s.Running = messages.SignalHeartbeat, next, running
	return s
}

// progressOf is progress of a native worker's process.
func progressOf(id string, start int64, batch string, processing, total int64) messages.Signal {
	s := progress(id, batch, processing, total)
	s.Protocol, s.Incarnation = 2, messages.Incarnation{StartMS: start, Random: "r"}
	return s
}

// give assigns a chunk to the worker of the last offer.
func (b *fleetBundle) give(o *offer, index int) ledger.Assignment {
	a := ledger.Assignment{Chunk: testCut(1, index).Chunk, Worker: o.Worker, Attempt: 1, Text: []byte("a\nb\n"), BatchID: fmt.Sprintf("f1_chunk_%d", index), File: messages.FileInfo{Path: "f1.txt"}, Generation: 1}
	b.tell(o.pid, &assigned{Assignment: a, epoch: o.Epoch})
	return a
}

// status returns the present state of a worker, once its free-worker has reported.
func (b *fleetBundle) status(id string) messages.WorkerStatus {
	time.Sleep(reportEvery)
	synctest.Wait()
	f := b.root.RequestFuture(b.fleet, &askWorkers{}, time.Second)
	x, err := f.Result()
	require.NoError(b.t, err)
	for _, w := range x.(*workerList).list {
		if string(w.ID) == id {
			return w
		}
	}
	return messages.WorkerStatus{State: messages.WorkerGone}
}

func forgetSeen(w messages.Worker) messages.Worker {
	w.Seen = time.Time{}
	return w
}

func parentOf(id string) string { return id[:strings.LastIndexByte(id, '/')] }
