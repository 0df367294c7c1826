package actors

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/actors/slots"
	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// simWorld is two masters, workers of both kinds, a store, a Kafka and a folder, of
// which everything is decided by one seed.
type simWorld struct {
	seed    uint64
	rng     *rand.Rand
	driver  *simDriver
	history *simHistory
	log     *slog.Logger
	trace   io.Writer // gets the history, if not nil

	cfg        Config
	kafka      *simKafka
	store      *simStore
	folder     *memFiles
	folderAway bool
	masters    []*simMaster
	natives    []*simNative
	classics   []*simClassic
	outside    *simProcess // what never dies
	versions   map[simVersion][]byte
	living     map[string]*System // processes of masters whose actors run

	healed   bool
	unheard  bool          // announcements were lost: an idle classic worker says no other
	panicked bool          // an actor was made to panic
	pace     time.Duration // of all work, when not 0
	counters map[string]int
	points   simPoints
	poison   map[string]simPoison // what lines do to workers
	tries    map[string]int       // attempts that a line of poison ended
	finished bool
	story    []string
	settings simSettings
	merges   *simMerges
}

// simVersion names what a file held.
type simVersion struct {
	path string
	sum  uint64
}

func newSimWorld(seed uint64) *simWorld {
	var out io.Writer = io.Discard
	if os.Getenv("ACTOR_LOG") != "" {
		out = os.Stderr
	}
	d := newSimDriver(seed)
	w := &simWorld{seed: seed, driver: d, rng: d.rng, counters: map[string]int{}, poison: map[string]simPoison{}, tries: map[string]int{},
		living: map[string]*System{}, versions: map[simVersion][]byte{}, folder: &memFiles{}, outside: &simProcess{name: "outside"}}
	w.log = slog.New(simPanics{slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}), w})
	w.cfg = Config{
		ChunkTopic: "chunks", SignalTopic: "signals", ConnectionTopic: "connections", HeartbeatTopic: "masters",
		Partitions: 4 + w.rng.IntN(3), Group: "km", WorkerGroup: "g", BatchSize: 1 + w.rng.IntN(4), WorkerTimeout: time.Minute,
		MaxAttempts: 3 + w.rng.IntN(3), Prefetch: w.rng.IntN(3), Settle: time.Duration(w.rng.IntN(2)) * time.Second, spoil: true,
	}
	w.cfg.Backup, w.cfg.Bisect = BackupMode(w.rng.IntN(3)), w.rng.IntN(8) > 0
	if w.rng.IntN(3) == 0 {
		w.cfg.BatchSize *= 4
	}
	w.history, w.merges = newSimHistory(w), newSimMerges(seed%4 > 0)
	w.kafka = newSimKafka(w)
	memory := infratest.NewMemoryStore()
	memory.KeepPast()
	w.store = &simStore{w: w, memory: memory}
	for _, topic := range []string{w.cfg.SignalTopic, w.cfg.ConnectionTopic} {
		w.kafka.grow(topic, 1+w.rng.IntN(3))
	}
	w.kafka.grow(w.cfg.HeartbeatTopic, 1)
	w.kafka.grow(w.cfg.ChunkTopic, w.cfg.Partitions)
	return w
}

// people makes the masters and workers of the world.
func (w *simWorld) people() {
	natives, classics := 1+w.rng.IntN(3), 0
	if w.rng.IntN(3) == 0 {
		classics = 1 + w.rng.IntN(2)
	}
	w.crowd(natives, classics)
}

// crowd makes two masters and so many workers.
func (w *simWorld) crowd(natives, classics int) {
	for i := range 2 {
		w.masters = append(w.masters, &simMaster{w: w, id: fmt.Sprintf("m%d", i)})
	}
	for i := range natives {
		w.natives = append(w.natives, newSimNative(w, i))
	}
	if classics > 0 {
		for i := range classics {
			w.classics = append(w.classics, newSimClassic(w, i))
		}
		w.every(500*time.Millisecond, func(now time.Time) {
			if !w.kafka.away {
				w.kafka.group.tick(now)
			}
		})
	}
}

// every calls f again and again.
func (w *simWorld) every(d time.Duration, f func(time.Time)) {
	w.driver.agents = append(w.driver.agents, &simAgent{process: w.outside, at: time.Now().Add(d), step: func(now time.Time) time.Time {
		f(now)
		return now.Add(d)
	}})
}

// later calls f once.
func (w *simWorld) later(d time.Duration, f func()) {
	w.driver.agents = append(w.driver.agents, &simAgent{process: w.outside, at: time.Now().Add(d), step: func(time.Time) time.Time {
		f()
		return time.Time{}
	}})
}

// chaotic reports whether faults may happen still.
func (w *simWorld) chaotic() bool { return !w.healed }

// sometimes counts that something happened which must happen in some worlds.
func (w *simWorld) sometimes(what string) { w.counters[what]++ }

// workTime is how long a chunk takes.
func (w *simWorld) workTime() time.Duration {
	switch {
	case w.pace > 0:
		return w.pace
	case w.healed:
		return time.Duration(10+w.rng.IntN(50)) * time.Millisecond
	}
	return time.Duration(20+w.rng.IntN([]int{50, 500, 4000}[w.rng.IntN(3)])) * time.Millisecond
}

// takes is how many live attempts a worker may have.
func (w *simWorld) takes(id messages.WorkerID) int {
	for _, p := range w.natives {
		if p.id == id {
			if w.cfg.Prefetch == PrefetchAuto {
				return p.capacity + slots.MaxQueued
			}
			return p.capacity + w.cfg.Prefetch
		}
	}
	return 1
}

// stored looks for a result on a worker's disk.
func (w *simWorld) stored(id messages.WorkerID, batchID string) (string, bool) {
	for _, p := range w.natives {
		if p.id == id {
			return p.stored(batchID)
		}
	}
	for _, c := range w.classics {
		if c.id == id {
			return c.stored(batchID)
		}
	}
	return "", false
}

// records reports whether the worker records its results.
func (w *simWorld) records(id messages.WorkerID) bool {
	return slices.ContainsFunc(w.natives, func(p *simNative) bool { return p.id == id && p.records })
}

// speaks reports whether a message is of the process that runs as its worker now.
func (w *simWorld) speaks(s messages.Signal) bool {
	for _, p := range w.natives {
		if p.id == s.Worker {
			return p.inc == s.Incarnation
		}
	}
	return true
}

// put writes a file into the folder.
func (w *simWorld) put(path string, data []byte, at time.Time) {
	w.folder.put(path, string(data), at)
	edges := data
	if len(data) > 2*memEdge {
		edges = slices.Concat(data[:memEdge], data[len(data)-memEdge:])
	}
	w.versions[simVersion{path, xxhash.Sum64(edges)}] = bytes.Clone(data)
}

// drop puts a new file of n lines into the folder; salt makes its lines others.
func (w *simWorld) drop(path string, n int, salt string) {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%s%s-%d\n", path, salt, i)
		if w.rng.IntN(12) == 0 {
			b.WriteString(" \n")
		}
	}
	w.put(path, b.Bytes(), time.Now().Add(-time.Hour))
	w.history.note("file %s of %d lines", path, n)
}

// leader calls then with the files that the master knows which leads, if one does.
func (w *simWorld) leader(then func(*simMaster, []*messages.FileStatus)) {
	for _, m := range w.masters {
		if m.process.dead || m.ending {
			continue
		}
		m.ask(messages.QueryOverview{Fresh: true}, func(a any, err error) {
			if o, ok := a.(messages.Overview); ok && err == nil && o.Role == "leader" {
				m.ask(messages.QueryFiles{Fresh: true}, func(a any, err error) {
					if list, ok := a.([]*messages.FileStatus); ok && err == nil {
						then(m, list)
					}
				})
			}
		})
	}
}

// simulate lives through a world and returns it.
func simulate(t *testing.T, w func() *simWorld) (out *simWorld) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		out = w()
		done := make(chan struct{})
		go func() {
			defer close(done)
			out.driver.run()
		}()
		<-done
		time.Sleep(5 * time.Second) // late timers
		synctest.Wait()
	})
	return out
}
