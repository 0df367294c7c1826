package actors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"kafka-master/messages"
)

// memBus is Kafka as the actors see it, in memory, for bubbles.
type memBus struct {
	mu       sync.Mutex
	logs     map[place][][]byte // every record that was written, by offset
	starts   map[place]int64    // offsets of the first retained records, 0 by default
	news     chan struct{}      // closed when something was produced
	fail     func(messages.Record) error
	down     error
	headless map[place]bool    // partitions without a leader
	policies map[string]string // cleanup.policy by topic, delete by default
	group    messages.GroupState
	kept     map[string]map[place]int64
}

func newMemBus() *memBus {
	return &memBus{logs: map[place][][]byte{}, starts: map[place]int64{}, headless: map[place]bool{}, news: make(chan struct{}), kept: map[string]map[place]int64{}, policies: map[string]string{},
		group: messages.GroupState{Name: "g", State: messages.GroupDead}}
}

func (b *memBus) partitions(topic string) (n int) {
	for at := range b.logs {
		if at.topic == topic {
			n++
		}
	}
	return n
}

const (
	maxRecord  = 1 << 20 // the largest record that a broker takes by default
	maxAnswer  = 2 << 20 // bytes of one partition in the answer to one fetch
	memBrokers = 2       // how many brokers there are
)

// Leader spreads the partitions that there are over two brokers.
func (b *memBus) Leader(topic string, p int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.led(place{topic, p}) {
		return messages.NoLeader
	}
	return p % memBrokers
}

// led reports whether the partition exists and has a leader.
func (b *memBus) led(at place) bool {
	_, exists := b.logs[at]
	return exists && !b.headless[at]
}

// setLed gives a partition its leader, or takes it away.
func (b *memBus) setLed(at place, led bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.headless[at] = !led
}

// Produce implements Producer. What follows a failed record of the same partition is
// not written, unless that one was too large.
func (b *memBus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]messages.Produced, len(records))
	failed := map[place]bool{}
	for i, r := range records {
		at := place{r.Topic, r.Partition}
		err := b.refusal(ctx, r)
		if failed[at] {
			err = fmt.Errorf("behind a failed record: %w", messages.ErrNotWritten)
		}
		if err != nil {
			failed[at] = failed[at] || !errors.Is(err, messages.ErrTooLarge)
			out[i] = messages.Produced{Offset: messages.UnknownOffset, Err: err}
			continue
		}
		out[i].Offset = int64(len(b.logs[at]))
		b.logs[at] = append(b.logs[at], bytes.Clone(r.Value))
	}
	close(b.news)
	b.news = make(chan struct{})
	return out
}

// refusal is why a record is not written.
func (b *memBus) refusal(ctx context.Context, r messages.Record) error {
	if b.down != nil {
		return b.down
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", messages.ErrNotWritten, ctx.Err())
	}
	if b.fail != nil {
		if err := b.fail(r); err != nil {
			return err
		}
	}
	if len(r.Value) > maxRecord {
		return fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)
	}
	if !b.led(place{r.Topic, r.Partition}) {
		return fmt.Errorf("no such partition, or no leader: %w", messages.ErrNotWritten)
	}
	return nil
}

func (b *memBus) say(topic string, s messages.Signal) {
	b.Produce(context.Background(), []messages.Record{{Topic: topic, Value: s.Encode()}})
}

// Fetch implements Consumer.
func (b *memBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	timer := time.NewTimer(max(1, wait)) // see alarm.set
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.mu.Lock()
		news := b.news
		out, err := b.answers(from)
		b.mu.Unlock()
		if err != nil || len(out) > 0 {
			return out, err
		}
		select {
		case <-news:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
		}
	}
}

// answers returns what there is at the positions. One that does not exist fails the
// whole request: it has no leader.
func (b *memBus) answers(from []messages.Position) (out []messages.Fetched, err error) {
	if b.down != nil {
		return nil, b.down
	}
	for _, p := range from {
		at := place{p.Topic, p.Partition}
		log := b.logs[at]
		if !b.led(at) {
			return nil, fmt.Errorf("no such partition, or no leader: %w", messages.ErrNotWritten)
		}
		f := messages.Fetched{Position: p, Start: b.starts[at], End: int64(len(log))}
		if p.Offset < f.Start || p.Offset > f.End {
			out = append(out, messages.Fetched{Position: p, Start: -1, End: -1, Err: messages.ErrOffsetOutOfRange})
			continue
		}
		for size := 0; f.Offset < f.End && size < maxAnswer; f.Offset++ {
			value := log[f.Offset]
			size += len(value)
			f.Records = append(f.Records, messages.Received{Offset: f.Offset, Value: bytes.Clone(value)})
		}
		if len(f.Records) > 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

// topic returns how many partitions a topic has that a call is about.
func (b *memBus) topic(name string) (int, error) {
	n := b.partitions(name)
	if b.down == nil && n == 0 {
		return 0, fmt.Errorf("topic %s: %w", name, messages.ErrNotWritten)
	}
	return n, b.down
}

// Offsets implements Consumer.
func (b *memBus) Offsets(_ context.Context, topic string) (start, end []int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.topic(topic)
	if err != nil {
		return nil, nil, err
	}
	failed := messages.PartitionErrors{}
	for p := range n {
		at := place{topic, int32(p)}
		if !b.led(at) {
			failed[at.partition] = fmt.Errorf("no leader: %w", messages.ErrNotWritten)
			start, end = append(start, messages.UnknownOffset), append(end, messages.UnknownOffset)
			continue
		}
		start = append(start, b.starts[at])
		end = append(end, int64(len(b.logs[at])))
	}
	switch len(failed) {
	case 0:
		return start, end, nil
	case n:
		return nil, nil, failed.Unwrap()
	}
	return start, end, failed
}

// CommitOffsets implements Consumer and Groups.
func (b *memBus) CommitOffsets(_ context.Context, group string, at []messages.Position) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case len(at) == 0:
		return nil
	case b.down != nil:
		return b.down
	case group == b.group.Name && len(b.group.Members) > 0:
		return fmt.Errorf("group %s has members: %w", group, messages.ErrRefused)
	}
	if b.kept[group] == nil {
		b.kept[group] = map[place]int64{}
	}
	for _, p := range at {
		b.kept[group][place{p.Topic, p.Partition}] = p.Offset
	}
	return nil
}

// keptAt returns what is committed for a group.
func (b *memBus) keptAt(group string) map[place]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.kept[group])
}

// Ensure implements Topics.
func (b *memBus) Ensure(_ context.Context, specs []messages.TopicSpec) ([]messages.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return nil, b.down
	}
	var out []messages.Topic
	for _, s := range specs {
		if s.Replication > memBrokers {
			return nil, fmt.Errorf("%d replicas on %d brokers: %w", s.Replication, memBrokers, messages.ErrRefused)
		}
		if b.partitions(s.Name) == 0 {
			b.policies[s.Name] = s.Config[messages.CleanupPolicy]
			for p := range s.Partitions {
				b.logs[place{s.Name, int32(p)}] = nil
			}
		}
		out = append(out, messages.Topic{Name: s.Name, Partitions: b.partitions(s.Name)})
	}
	return out, nil
}

// List implements Topics.
func (b *memBus) List(context.Context) ([]messages.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return nil, b.down
	}
	names := map[string]bool{}
	for at := range b.logs {
		names[at.topic] = true
	}
	var out []messages.Topic
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, messages.Topic{Name: n, Partitions: b.partitions(n)})
	}
	return out, nil
}

// Settings implements Topics.
func (b *memBus) Settings(_ context.Context, topics []string) (map[string]map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return nil, b.down
	}
	out := map[string]map[string]string{}
	for _, name := range topics {
		if b.partitions(name) > 0 {
			out[name] = map[string]string{messages.CleanupPolicy: cmp.Or(b.policies[name], messages.CleanupDelete)}
		}
	}
	return out, nil
}

// Grow implements Topics.
func (b *memBus) Grow(_ context.Context, topic string, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, err := b.topic(topic)
	if err == nil && now > n {
		err = messages.ErrRefused
	}
	if err != nil {
		return fmt.Errorf("grow %s to %d: %w", topic, n, err)
	}
	for p := now; p < n; p++ {
		b.logs[place{topic, int32(p)}] = nil
	}
	return nil
}

// Find implements Groups.
func (b *memBus) Find(_ context.Context, topic, preferred string) (messages.GroupState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return messages.GroupState{}, b.down
	}
	g := messages.GroupState{Name: preferred, State: messages.GroupDead}
	subscribed := func(m messages.GroupMember) bool { return slices.Contains(m.Topics, topic) }
	switch own := b.group.Name == preferred; {
	case own && b.group.State != messages.GroupDead, slices.ContainsFunc(b.group.Members, subscribed):
		return b.group, nil
	case len(b.kept[preferred]) > 0:
		g.State = messages.GroupEmpty
	}
	return g, nil
}

func (b *memBus) setGroup(g messages.GroupState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.group = g
}

// Committed implements Groups.
func (b *memBus) Committed(_ context.Context, group, topic string) ([]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	out := make([]int64, n)
	for p := range out {
		out[p] = messages.UnknownOffset
		if o, ok := b.kept[group][place{topic, int32(p)}]; ok {
			out[p] = o
		}
	}
	return out, nil
}

// Evict implements Groups.
func (b *memBus) Evict(_ context.Context, group, member string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil || group != b.group.Name {
		return b.down
	}
	left := slices.DeleteFunc(slices.Clone(b.group.Members), func(m messages.GroupMember) bool { return m.ID == member })
	if len(left) == 0 && len(b.group.Members) > 0 {
		b.group.State = messages.GroupEmpty
	}
	b.group.Members = left
	return nil
}

// setDown makes every call fail with err, until it is called with nil.
func (b *memBus) setDown(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = err
}
