package actors

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// simFault is one kind of thing that goes wrong.
type simFault struct {
	name string
	do   func(w *simWorld) bool // false: it cannot happen now
}

// simFaults are all that can go wrong on purpose. Some more is drawn call by call,
// where it happens: see sometimes.
func simFaults() []simFault {
	return []simFault{
		{"the brokers are away", (*simWorld).brokersAway},
		{"a partition has no leader", (*simWorld).noLeader},
		{"a partition's leader moves", (*simWorld).leaderMoves},
		{"the chunk topic grows", func(w *simWorld) bool { w.kafka.grow(w.cfg.ChunkTopic, w.kafka.size[w.cfg.ChunkTopic]+1); return true }},
		{"old records are dropped", func(w *simWorld) bool { return w.kafka.retain(70*time.Second) > 0 }},
		{"a chunk partition loses its tail", func(w *simWorld) bool { return w.tailLost(w.cfg.ChunkTopic) }},
		{"a signal partition loses its tail", func(w *simWorld) bool { return w.tailLost(w.cfg.SignalTopic) }},
		{"a topic is made again", (*simWorld).topicRemade},
		{"the store is away", (*simWorld).storeAway},
		{"the answer of a commit is lost", func(w *simWorld) bool { w.store.lose++; return true }},
		{"a commit fails", func(w *simWorld) bool { w.store.fail++; return true }},
		{"a commit is fenced", func(w *simWorld) bool { w.store.fence++; return true }},
		{"the lease is lost", func(w *simWorld) bool { w.store.memory.Depose(); return true }},
		{"the store loses its last commits", (*simWorld).rewind},
		{"the store is wiped", (*simWorld).wipe},
		{"a master crashes", (*simWorld).masterCrash},
		{"a master is stopped", (*simWorld).masterStop},
		{"a master stands still", (*simWorld).masterFrozen},
		{"a leader steps down", (*simWorld).stepDown},
		{"an actor panics", (*simWorld).actorPanics},
		{"a native worker crashes", (*simWorld).nativeCrash},
		{"a native worker stands still", (*simWorld).nativeFrozen},
		{"a results disk is full", (*simWorld).diskFull},
		{"a classic worker crashes", func(w *simWorld) bool { return w.classicEnds((*simClassic).crash) }},
		{"a classic worker leaves", func(w *simWorld) bool { return w.classicEnds((*simClassic).leave) }},
		{"a classic worker stands still", (*simWorld).classicFrozen},
		{"the folder is away", (*simWorld).folderGone},
		{"files are touched", (*simWorld).filesTouched},
		{"a file grows", func(w *simWorld) bool {
			return w.fileChanges(func(b []byte) []byte { return append(b, "one more\n"...) })
		}},
		{"a file is rewritten", func(w *simWorld) bool { return w.fileChanges(bytes.ToUpper) }},
		{"a file is deleted", (*simWorld).fileDeleted},
		{"a line turns into poison", (*simWorld).addPoison},
		{"a merge fails", (*simWorld).mergeFails},
		{"the results are away from the masters", (*simWorld).resultsAway},
		{"a leader stands still while files wait for their merge", (*simWorld).mergesWait},
		{"ranges cannot be read", func(w *simWorld) bool { w.folder.away = 1 + w.rng.IntN(6); return true }},
	}
}

// upTo is a time of at most d.
func (w *simWorld) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

func (w *simWorld) brokersAway() bool {
	w.kafka.away = true
	w.later(w.upTo(15*time.Second), func() { w.kafka.away = false })
	return true
}

func (w *simWorld) anyPartition(topic string) place {
	return place{topic, int32(w.rng.IntN(w.kafka.size[topic]))}
}

func (w *simWorld) noLeader() bool {
	at := w.anyPartition(w.cfg.ChunkTopic)
	w.kafka.leaderless[at] = true
	w.later(w.upTo(20*time.Second), func() { delete(w.kafka.leaderless, at) })
	return true
}

func (w *simWorld) leaderMoves() bool {
	topic := []string{w.cfg.ChunkTopic, w.cfg.SignalTopic, w.cfg.ConnectionTopic}[w.rng.IntN(3)]
	w.kafka.move(w.anyPartition(topic), int32(w.rng.IntN(3)))
	return true
}

func (w *simWorld) tailLost(topic string) bool {
	at := w.anyPartition(topic)
	if len(w.kafka.logs[at].list) == 0 {
		return false
	}
	w.kafka.truncate(at, 1+w.rng.IntN(3))
	return true
}

func (w *simWorld) topicRemade() bool {
	topic := []string{w.cfg.ChunkTopic, w.cfg.SignalTopic, w.cfg.ConnectionTopic}[w.rng.IntN(3)]
	w.kafka.remake(topic, w.kafka.size[topic])
	w.unheard = w.unheard || topic == w.cfg.ConnectionTopic
	return true
}

func (w *simWorld) storeAway() bool {
	w.store.away = true
	w.later(w.upTo(10*time.Second), func() { w.store.away = false })
	return true
}

func (w *simWorld) rewind() (done bool) {
	defer func() {
		if recover() != nil {
			done = false // so many commits are not kept
		}
	}()
	w.settings.void = true
	w.store.memory.Rewind(w.store.number() - uint64(1+w.rng.IntN(6)))
	w.history.reset(w.store.memory.Snapshot())
	return true
}

func (w *simWorld) wipe() bool {
	if w.rng.IntN(3) > 0 {
		return false
	}
	w.settings.void = true
	w.store.memory.Wipe()
	w.history.wipe()
	return true
}

func (w *simWorld) anyMaster() *simMaster { return w.masters[w.rng.IntN(len(w.masters))] }

func (w *simWorld) masterCrash() bool {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return false
	}
	m.crash()
	w.later(w.upTo(5*time.Second), m.start)
	return true
}

func (w *simWorld) masterStop() bool {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return false
	}
	pause := w.upTo(5 * time.Second)
	m.stop(func() { w.later(pause, m.start) })
	return true
}

// stepDown asks all masters, of which the leader alone does it.
func (w *simWorld) stepDown() bool {
	for _, m := range w.masters {
		if m.process.dead || m.ending {
			continue
		}
		m.ask(messages.StepDown{}, func(a any, err error) {
			if x, ok := a.(messages.SteppedDown); ok && err == nil {
				w.sometimes("a leader steps down")
				w.history.note("%s steps down for %s", x.Old.Leader.MasterID, x.New.Leader.MasterID)
			}
		})
		m.ask(messages.QueryMasters{}, func(a any, err error) {
			if x, ok := a.(messages.Masters); err != nil || !ok || len(x.List) == 0 || len(x.List) > len(w.masters) {
				w.history.note("masters: %v", err)
			}
		})
	}
	return false
}

func (w *simWorld) masterFrozen() bool {
	m := w.anyMaster()
	m.process.frozen = time.Now().Add(w.upTo(8 * time.Second))
	return !m.process.dead
}

// actorPanics sends an actor a message that makes it panic.
func (w *simWorld) actorPanics() bool {
	kinds := []struct {
		name string
		msg  any
	}{
		{"free-worker", (*setWorker)(nil)}, {"supervisor-", (*heard)(nil)}, {"batch-planner-", (*planFrom)(nil)},
		{"fleet", (*signals)(nil)}, {"dispatcher", (*adopt)(nil)}, {"ingress", (*fetched)(nil)},
		{"intake", (*listing)(nil)}, {"scanner", (*fingerprint)(nil)}, {"merger", (*mergeTried)(nil)},
	}
	kind, m := kinds[w.rng.IntN(len(kinds))], w.anyMaster()
	var found []string
	pids := m.system.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		for _, key := range pids[i].Keys() {
			if strings.HasPrefix(key[strings.LastIndex(key, "/")+1:], kind.name) {
				found = append(found, key)
			}
		}
	}
	if len(found) == 0 || m.process.dead {
		return false
	}
	slices.Sort(found)
	w.panicked = true
	m.system.sys.Root.Send(actor.NewPID(m.system.sys.Address(), found[w.rng.IntN(len(found))]), kind.msg)
	return true
}

func (w *simWorld) nativeCrash() bool {
	p := w.natives[w.rng.IntN(len(w.natives))]
	if p.process.dead {
		return false
	}
	p.crash()
	w.later(w.upTo(15*time.Second), p.start)
	return true
}

func (w *simWorld) nativeFrozen() bool {
	p := w.natives[w.rng.IntN(len(w.natives))]
	p.process.frozen = time.Now().Add(w.upTo(20 * time.Second))
	return !p.process.dead
}

func (w *simWorld) diskFull() bool {
	p := w.natives[w.rng.IntN(len(w.natives))]
	p.fullDisk = true
	w.later(w.upTo(10*time.Second), func() { p.fullDisk = false })
	return true
}

func (w *simWorld) anyClassic() *simClassic {
	if len(w.classics) == 0 {
		return nil
	}
	return w.classics[w.rng.IntN(len(w.classics))]
}

func (w *simWorld) classicEnds(how func(*simClassic)) bool {
	c := w.anyClassic()
	if c == nil || c.process.dead {
		return false
	}
	how(c)
	w.later(w.upTo(15*time.Second), c.start)
	return true
}

func (w *simWorld) classicFrozen() bool {
	c := w.anyClassic()
	if c == nil || c.process.dead {
		return false
	}
	c.process.frozen = time.Now().Add(w.upTo(60 * time.Second))
	return true
}

func (w *simWorld) folderGone() bool {
	w.folderAway = true
	w.later(w.upTo(10*time.Second), func() { w.folderAway = false })
	return true
}

func (w *simWorld) filesTouched() bool {
	paths := slices.Sorted(maps.Keys(w.folder.files))
	for _, path := range paths {
		if f := w.folder.files[path]; w.rng.IntN(2) == 0 {
			w.put(path, f.data, f.at.Add(time.Second))
		}
	}
	return len(paths) > 0
}

func (w *simWorld) anyFile() (string, memFile) {
	paths := slices.Sorted(maps.Keys(w.folder.files))
	if len(paths) == 0 {
		return "", memFile{}
	}
	path := paths[w.rng.IntN(len(paths))]
	return path, w.folder.get(path)
}

func (w *simWorld) fileChanges(how func([]byte) []byte) bool {
	path, f := w.anyFile()
	if path == "" || w.rng.IntN(2) == 0 {
		return false
	}
	data := how(bytes.Clone(f.data))
	if bytes.Equal(data, f.data) {
		return false
	}
	w.put(path, data, time.Now())
	return true
}

func (w *simWorld) fileDeleted() bool {
	path, _ := w.anyFile()
	if path == "" || w.rng.IntN(2) == 0 {
		return false
	}
	w.folder.remove(path)
	return true
}

// breakSomething lets one fault happen.
func (w *simWorld) breakSomething(faults []simFault) {
	f := faults[w.rng.IntN(len(faults))]
	if f.do(w) {
		w.sometimes(f.name)
		w.story = append(w.story, fmt.Sprintf("%.1f %s", time.Since(w.history.began).Seconds(), f.name))
		w.history.note("fault: %s", f.name)
	}
}

// heal ends everything that is wrong.
func (w *simWorld) heal() {
	w.healed, w.pace = true, 0
	w.history.note("healed")
	w.kafka.away, w.store.away, w.folderAway = false, false, false
	w.kafka.rate, w.store.fail, w.store.fence, w.store.lose = 0, 0, 0, 0
	w.folder.away, w.merges.fail = 0, 0
	clear(w.kafka.leaderless)
	w.points = simPoints{}
	for _, p := range w.natives {
		p.fullDisk, p.process.frozen = false, time.Time{}
		if p.process.dead {
			p.start()
		}
	}
	for _, c := range w.classics {
		c.process.frozen = time.Time{}
		if c.process.dead {
			c.start()
		}
	}
	for _, m := range w.masters {
		m.process.frozen = time.Time{}
	}
}
