package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/infra/infratest"
)

// inSimWorld calls f in a world without faults and without anybody else.
func inSimWorld(t *testing.T, f func(t *testing.T, w *simWorld, p *simProcess)) {
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(1)
		w.healed = true
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.driver.run()
		}()
		t.Cleanup(func() {
			w.driver.note(0, func() { w.driver.over = true })
			<-ended
		})
		f(t, w, &simProcess{name: "suite"})
	})
}

// The folder of the simulation keeps the rules of the real ones.
func TestSimFilesKeepTheRules(t *testing.T) {
	t.Parallel()
	for name, run := range infratest.FilesRules() {
		t.Run(name, func(t *testing.T) {
			inSimWorld(t, func(t *testing.T, w *simWorld, p *simProcess) { run(t, simFiles{w, p}, memFolder{w.folder}) })
		})
	}
}

// simRules is a simBus as the suite asks for it.
type simRules struct {
	simBus
	partitioned
}

// do lets the driver run f between two steps.
func (b simRules) do(f func()) {
	done := make(chan struct{})
	b.k.w.driver.note(0, func() {
		f()
		close(done)
	})
	<-done
}

// Trim implements infratest.MemoryBus.
func (b simRules) Trim(_ *testing.T, topic string, partition int32, offset int64) {
	b.do(func() {
		l := b.k.logs[place{topic, partition}]
		l.list, l.base = l.list[offset-l.base:], offset
	})
}

// Join implements infratest.MemoryBus with a classic worker.
func (b simRules) Join(_ *testing.T, group, topic string) {
	b.do(func() {
		w := b.k.w
		w.cfg.WorkerGroup, w.cfg.ChunkTopic = group, topic
		newSimClassic(w, 0).start()
		w.every(500*time.Millisecond, w.kafka.group.tick)
	})
}

// Kafka as the masters of the simulation see it keeps the rules of the real one.
func TestSimBusKeepsTheRules(t *testing.T) {
	t.Parallel()
	for name, run := range infratest.BusRules() {
		t.Run(name, func(t *testing.T) {
			inSimWorld(t, func(t *testing.T, w *simWorld, p *simProcess) {
				bus := simBus{w.kafka, p}
				run(t, simRules{bus, partitioned{bus}})
			})
		})
	}
}
