package actors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kafka-master/messages"
)

// simKafka is the Kafka of a simulated world: topics that can lose records, brokers
// that can be away, and the consumer group of the classic workers. A master's view of it
// passes the suite of the buses while nothing is broken.
type simKafka struct {
	w        *simWorld
	mu       sync.Mutex // of leaders alone: actors look them up without a call
	moved    map[place]int32
	logs     map[place]*simLog
	size     map[string]int // partitions by topic
	policies map[string]string
	kept     map[string]map[place]int64
	group    simGroup

	away       bool
	leaderless map[place]bool
	rate       int // of 100 produces of chunks that end badly
	watchers   []func(place)
}

// simLog is one partition.
type simLog struct {
	base int64 // offset of the first record that is retained
	torn int64 // offsets below were used before the partition lost records
	list []simRecord
}

type simRecord struct {
	value []byte
	at    time.Time
}

func (l *simLog) end() int64 { return l.base + int64(len(l.list)) }

func newSimKafka(w *simWorld) *simKafka {
	return &simKafka{w: w, moved: map[place]int32{}, logs: map[place]*simLog{}, size: map[string]int{}, policies: map[string]string{},
		kept: map[string]map[place]int64{}, leaderless: map[place]bool{}, group: newSimGroup(w)}
}

// grow makes the topic have n partitions at least.
func (k *simKafka) grow(topic string, n int) {
	for p := k.size[topic]; p < n; p++ {
		k.logs[place{topic, int32(p)}] = &simLog{}
	}
	k.resize(topic, max(n, k.size[topic]))
}

func (k *simKafka) resize(topic string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size[topic] = n
}

func (k *simKafka) leader(topic string, p int32) int32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p < 0 || int(p) >= k.size[topic] {
		return messages.NoLeader
	}
	if l, ok := k.moved[place{topic, p}]; ok {
		return l
	}
	return p % memBrokers
}

// move gives a partition to another broker.
func (k *simKafka) move(at place, leader int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moved[at] = leader
}

// append writes a record and wakes its readers.
func (k *simKafka) append(at place, value []byte) int64 {
	l := k.logs[at]
	if l == nil {
		return messages.UnknownOffset
	}
	l.list = append(l.list, simRecord{bytes.Clone(value), time.Now()})
	k.wake(at)
	return l.end() - 1
}

// wake wakes the readers of the partition, whose content has changed.
func (k *simKafka) wake(at place) {
	for _, f := range k.watchers {
		f(at)
	}
}

// reach returns why a partition cannot be written now.
func (k *simKafka) reach(at place) error {
	switch {
	case k.away:
		return fmt.Errorf("brokers are away: %w", messages.ErrNotWritten)
	case k.logs[at] == nil:
		return fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
	case k.leaderless[at]:
		return fmt.Errorf("no leader: %w", messages.ErrNotWritten)
	}
	return nil
}

// say writes the message of a worker to the partition of its id.
func (k *simKafka) say(topic string, s messages.Signal) bool {
	var sum int
	for _, c := range []byte(s.Worker) {
		sum += int(c)
	}
	at := place{topic, int32(sum % max(1, k.size[topic]))}
	if k.reach(at) != nil {
		return false
	}
	k.append(at, s.Encode())
	if k.w.chaotic() && k.w.rng.IntN(25) == 0 {
		k.w.sometimes("a worker's message arrives twice")
		k.append(at, s.Encode())
	}
	return true
}

// truncate drops the newest n records of a partition.
func (k *simKafka) truncate(at place, n int) {
	l := k.logs[at]
	l.torn = max(l.torn, l.end())
	l.list = l.list[:len(l.list)-min(n, len(l.list))]
	k.wake(at)
}

// retain drops what is older than age, everywhere.
func (k *simKafka) retain(age time.Duration) (dropped int) {
	limit := time.Now().Add(-age)
	for _, l := range k.logs {
		for len(l.list) > 0 && l.list[0].at.Before(limit) {
			l.list = l.list[1:]
			l.base++
			dropped++
		}
	}
	return dropped
}

// remake deletes a topic and makes it again.
func (k *simKafka) remake(topic string, n int) {
	var torn []int64
	for p := range k.size[topic] {
		l := k.logs[place{topic, int32(p)}]
		torn = append(torn, max(l.torn, l.end()))
		delete(k.logs, place{topic, int32(p)})
		for _, kept := range k.kept {
			delete(kept, place{topic, int32(p)})
		}
	}
	k.resize(topic, 0)
	k.grow(topic, n)
	for p := range min(n, len(torn)) {
		k.logs[place{topic, int32(p)}].torn = torn[p]
		k.wake(place{topic, int32(p)})
	}
}

// simBus is how one master sees Kafka.
type simBus struct {
	k *simKafka
	p *simProcess
}

func (b simBus) call(ctx context.Context, key string, do func(error)) {
	b.k.w.driver.call(&simCall{process: b.p, ctx: ctx, key: key, do: do})
}

// Leader implements Producer.
func (b simBus) Leader(topic string, p int32) int32 { return b.k.leader(topic, p) }

// Produce implements Producer.
func (b simBus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	out := make([]messages.Produced, len(records))
	if len(records) == 0 {
		return out
	}
	b.call(ctx, fmt.Sprintf("produce %s %d", records[0].Topic, b.Leader(records[0].Topic, records[0].Partition)), func(err error) {
		b.k.produce(b.p, records, out, err)
	})
	return out
}

// produce writes the records, as the faults of the moment have it.
func (k *simKafka) produce(p *simProcess, records []messages.Record, out []messages.Produced, cause error) {
	chunks := records[0].Topic == k.w.cfg.ChunkTopic
	fails := func(err error) {
		for i := range out {
			out[i] = messages.Produced{Offset: messages.UnknownOffset, Err: err}
		}
	}
	if cause != nil {
		fails(fmt.Errorf("%w: %w", cause, messages.ErrMaybeWritten))
		return
	}
	if chunks && k.w.kills(p, "before a produce") {
		fails(errSimDead)
		return
	}
	fault := ""
	if chunks && k.w.rng.IntN(100) < k.rate {
		fault = []string{"written, and its answer is lost", "not written, and nobody knows", "not written", "written late"}[k.w.rng.IntN(4)]
		k.w.sometimes("a chunk is " + fault)
	}
	switch fault {
	case "not written, and nobody knows":
		fails(fmt.Errorf("simulated: %w", messages.ErrMaybeWritten))
		return
	case "not written":
		fails(fmt.Errorf("simulated: %w", messages.ErrNotWritten))
		return
	case "written late":
		k.w.later(time.Duration(k.w.rng.IntN(9000))*time.Millisecond, func() {
			k.write(p, records, make([]messages.Produced, len(records)))
		})
		fails(fmt.Errorf("simulated: %w", messages.ErrMaybeWritten))
		return
	}
	k.write(p, records, out)
	if fault != "" {
		fails(fmt.Errorf("simulated: %w", messages.ErrMaybeWritten))
	}
	if chunks && k.w.kills(p, "after a produce") {
		fails(errSimDead)
	}
}

func (k *simKafka) write(p *simProcess, records []messages.Record, out []messages.Produced) {
	for i, r := range records {
		at := place{r.Topic, r.Partition}
		out[i] = messages.Produced{Offset: messages.UnknownOffset, Err: k.reach(at)}
		if out[i].Err == nil && len(r.Value) > maxRecord {
			out[i].Err = fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)
		}
		if out[i].Err != nil {
			continue
		}
		if r.Topic == k.w.cfg.ChunkTopic {
			k.w.history.produced(p, r)
		}
		out[i].Offset = k.append(at, r.Value)
	}
}

// Fetch implements Consumer.
func (b simBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) (out []messages.Fetched, err error) {
	from = slices.Clone(from)
	slices.SortFunc(from, func(a, b messages.Position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	k := b.k
	if len(from) == 0 {
		return nil, nil
	}
	news := func() bool {
		return k.away || slices.ContainsFunc(from, func(p messages.Position) bool {
			l := k.logs[place{p.Topic, p.Partition}]
			return l == nil || p.Offset != l.end()
		})
	}
	c := &simCall{process: b.p, ctx: ctx, key: fmt.Sprintf("fetch %s %d", from[0].Topic, from[0].Partition), ready: news, until: time.Now().Add(wait)}
	c.do = func(cause error) {
		if out, err = nil, cause; err == nil {
			out, err = k.fetch(from)
		}
	}
	k.w.driver.call(c)
	return out, err
}

// maxSimFetch bounds what one fetch returns of a partition, so that readers are
// behind at times.
const maxSimFetch = 40

func (k *simKafka) fetch(from []messages.Position) (out []messages.Fetched, err error) {
	if k.away {
		return nil, fmt.Errorf("brokers are away: %w", messages.ErrNotWritten)
	}
	for _, p := range from {
		l := k.logs[place{p.Topic, p.Partition}]
		// Nobody leads it, which fails the whole request, unless this master has not
		// heard of it, and the broker reports it.
		if l == nil && (!k.w.chaotic() || k.w.rng.IntN(2) == 0) {
			return nil, fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
		}
		f := messages.Fetched{Position: p, End: -1, Start: -1}
		switch {
		case l == nil:
			f.Err = fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
		case k.leaderless[place{p.Topic, p.Partition}]:
			f.Err = fmt.Errorf("no leader: %w", messages.ErrNotWritten)
		case p.Offset > l.end() || p.Offset < l.base:
			f.Err = messages.ErrOffsetOutOfRange
		default:
			f.End, f.Start = l.end(), l.base
			size := 0
			for n, r := range l.list[p.Offset-l.base:] {
				if n == maxSimFetch || size >= maxAnswer {
					break
				}
				size += len(r.value)
				f.Records = append(f.Records, messages.Received{Offset: p.Offset + int64(n), Value: bytes.Clone(r.value)})
			}
			f.Offset = p.Offset + int64(len(f.Records))
		}
		if len(f.Records) > 0 || f.Err != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

// Offsets implements Consumer.
func (b simBus) Offsets(ctx context.Context, topic string) (start, end []int64, err error) {
	failed := messages.PartitionErrors{}
	b.call(ctx, "offsets "+topic, func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		if b.k.size[topic] == 0 {
			err = errSimNoTopic
		}
		for p := range b.k.size[topic] {
			at := place{topic, int32(p)}
			if b.k.leaderless[at] {
				failed[at.partition] = b.k.reach(at)
				start, end = append(start, messages.UnknownOffset), append(end, messages.UnknownOffset)
				continue
			}
			start, end = append(start, b.k.logs[at].base), append(end, b.k.logs[at].end())
		}
		switch len(failed) {
		case 0:
		case b.k.size[topic]:
			start, end, err = nil, nil, failed.Unwrap()
		default:
			b.k.w.sometimes("the ends of some partitions are not known")
			err = failed
		}
	})
	return start, end, err
}

func (k *simKafka) up(cause error) error {
	if cause == nil && k.away {
		return fmt.Errorf("brokers are away: %w", messages.ErrNotWritten)
	}
	return cause
}

// CommitOffsets implements Consumer and Groups.
func (b simBus) CommitOffsets(ctx context.Context, group string, at []messages.Position) (err error) {
	b.call(ctx, "commit offsets "+group, func(cause error) {
		k := b.k
		if err = k.up(cause); err != nil {
			return
		}
		if group == k.w.cfg.WorkerGroup && len(k.group.members) > 0 {
			err = fmt.Errorf("the group has members: %w", messages.ErrRefused)
			return
		}
		for _, p := range at {
			k.commit(group, place{p.Topic, p.Partition}, p.Offset)
		}
	})
	return err
}

func (k *simKafka) commit(group string, at place, offset int64) {
	if k.kept[group] == nil {
		k.kept[group] = map[place]int64{}
	}
	k.kept[group][at] = offset
}

var (
	errSimAway    = errors.New("away")
	errSimNoTopic = fmt.Errorf("no such topic: %w", messages.ErrNotWritten)
)
