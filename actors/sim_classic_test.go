package actors

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// simClassic is a worker of the kind in the field: a member of a consumer group
// that knows new, progress and done, commits a message when it is through with it,
// and begins where its group's committed offsets are.
type simClassic struct {
	w       *simWorld
	process *simProcess
	agent   *simAgent
	id      messages.WorkerID
	results map[string]string

	member *simMember
	round  int             // of the rebalance that it has joined
	mine   []int32         // partitions
	at     map[int32]int64 // next offset by partition
	run    *messages.ChunkMessage
	from   place // where the message in work lies
	offset int64
	item   int
	until  time.Time // of the item in work
	beat   time.Time
	rejoin time.Time
	out    []simSaid
}

type simSaid struct {
	topic string
	s     messages.Signal
}

func newSimClassic(w *simWorld, i int) *simClassic {
	c := &simClassic{w: w, id: messages.WorkerID(fmt.Sprintf("classic-%d", i)), results: map[string]string{}}
	c.process = &simProcess{name: string(c.id), dead: true}
	c.agent = &simAgent{process: c.process, step: c.step}
	w.driver.agents = append(w.driver.agents, c.agent)
	return c
}

// start begins a process, which joins the group.
func (c *simClassic) start() {
	c.process.dead, c.process.frozen = false, time.Time{}
	c.member, c.run, c.mine, c.at, c.out = nil, nil, nil, map[int32]int64{}, nil
	c.agent.at = time.Now()
}

// crash leaves a member behind that its group misses only after a while.
func (c *simClassic) crash() { c.process.dead = true }

// leave ends the process cleanly.
func (c *simClassic) leave() {
	c.process.dead = true
	if c.member != nil {
		c.w.kafka.group.remove(c.member)
	}
}

// assigned is what the worker does when it hears of its partitions.
func (c *simClassic) assigned(list []int32, now time.Time) {
	c.mine, c.at = slices.Clone(list), map[int32]int64{}
	for _, p := range list {
		at := place{c.w.cfg.ChunkTopic, p}
		offset, ok := c.w.kafka.kept[c.w.cfg.WorkerGroup][at]
		if l := c.w.kafka.logs[at]; !ok || offset > l.end() || offset < l.base {
			offset = l.end() // auto.offset.reset=latest
		}
		c.at[p] = offset
	}
	c.out = append(c.out, simSaid{c.w.cfg.ConnectionTopic, messages.Signal{Kind: messages.SignalAnnounce, Worker: c.id, Partitions: c.mine}})
}

const simClassicPoll = 150 * time.Millisecond

// step keeps the membership, works and reads.
func (c *simClassic) step(now time.Time) time.Time {
	if c.process.dead {
		return time.Time{}
	}
	if !c.w.kafka.away {
		c.membership(now)
	}
	for c.run != nil && !now.Before(c.until) {
		c.work(now)
	}
	if c.run == nil && c.member != nil && c.round == c.w.kafka.group.round && c.w.kafka.group.state == messages.GroupStable {
		c.read(now)
	}
	for len(c.out) > 0 && c.w.kafka.say(c.out[0].topic, c.out[0].s) {
		c.out = c.out[1:]
	}
	next := now.Add(simClassicPoll)
	if c.run != nil && c.until.Before(next) {
		next = c.until
	}
	return next
}

// membership joins, keeps alive and rejoins. A worker in a chunk joins a round only
// after it.
func (c *simClassic) membership(now time.Time) {
	g := &c.w.kafka.group
	if c.member != nil && !slices.Contains(g.members, c.member) { // removed
		c.member = nil
		c.rejoin = now.Add(time.Duration(1000+c.w.rng.IntN(2500)) * time.Millisecond)
	}
	switch {
	case c.member == nil && c.run == nil && !now.Before(c.rejoin):
		c.member = g.join(c, now)
		c.round, c.beat = g.round, now.Add(simBeat)
	case c.member == nil:
	case !now.Before(c.beat):
		c.member.seen, c.beat = now, now.Add(simBeat)
		if c.round != g.round && c.run == nil {
			c.round, c.member.joined = g.round, true
		}
	case c.round != g.round && c.run == nil && c.member.joined:
		c.round = g.round
	}
	if c.member != nil && !c.member.told && g.state == messages.GroupStable {
		c.member.told = true
		c.assigned(c.member.list, now)
	}
}

// read takes the next message of the worker's partitions.
func (c *simClassic) read(now time.Time) {
	for _, p := range c.mine {
		at := place{c.w.cfg.ChunkTopic, p}
		l := c.w.kafka.logs[at]
		if l == nil || c.w.kafka.reach(at) != nil {
			continue
		}
		if c.at[p] > l.end() || c.at[p] < l.base {
			c.at[p] = l.end()
		}
		for c.at[p] < l.end() {
			offset := c.at[p]
			c.at[p]++
			m, err := messages.DecodeChunk(l.list[offset-l.base].value)
			if err != nil || m.ID != string(c.id) || len(m.Data) == 0 {
				c.w.kafka.group.commits(c.member, at, offset+1)
				continue
			}
			c.run, c.from, c.offset, c.item = &m, at, offset, 0
			c.until = now.Add(c.itemTime())
			return
		}
	}
}

func (c *simClassic) itemTime() time.Duration {
	return c.w.workTime() / time.Duration(max(1, len(c.run.Data)))
}

// work does one item, and after the last one ends the chunk.
func (c *simClassic) work(now time.Time) {
	m := c.run
	if what, at := c.w.poisonIn(m.Data); what != 0 && at == c.item {
		c.w.poisoned(m.Data[at])
		c.crash()
		c.run = nil
		c.w.killedByPoison(c.start)
		return
	}
	c.item++
	c.until = now.Add(c.itemTime())
	n := int64(len(m.Data))
	c.out = append(c.out, simSaid{c.w.cfg.SignalTopic, messages.Signal{Kind: messages.SignalProgress, Worker: c.id, BatchID: m.BatchID, Processing: int64(c.item), Total: n}})
	if c.item < len(m.Data) {
		return
	}
	c.results[m.BatchID] = strings.Join(m.Data, "\n")
	c.w.history.executed(*m)
	c.out = append(c.out, simSaid{c.w.cfg.ConnectionTopic, messages.Signal{Kind: messages.SignalDone, Worker: c.id}})
	if c.member != nil {
		c.w.kafka.group.commits(c.member, c.from, c.offset+1)
	}
	c.run = nil
}

func (c *simClassic) stored(batchID string) (string, bool) {
	data, ok := c.results[batchID]
	return data, ok
}

func (c *simClassic) holds() (running, queued int) {
	if c.run != nil {
		return 1, 0
	}
	return 0, 0
}
