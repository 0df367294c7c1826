package kafkabus

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"kafka-master/messages"
)

// refreshInterval is the shortest time between two background refreshes.
const refreshInterval = 100 * time.Millisecond

// topology is the metadata of all topics except the internal ones. It is never changed.
type topology struct {
	leaders map[string][]int32 // leading broker by topic and partition
	brokers []string           // host:port
}

// Leader returns the id of the broker that led the partition at the last refresh. When that
// is not known, it returns messages.NoLeader and starts a refresh in the background. It
// never blocks.
func (b *Bus) Leader(topic string, partition int32) int32 {
	leader := b.leaders.Load().leader(topic, partition)
	if leader == messages.NoLeader {
		b.wantRefresh()
	}
	return leader
}

func (t *topology) leader(topic string, partition int32) int32 {
	leaders := t.leaders[topic]
	if partition < 0 || int(partition) >= len(leaders) {
		return messages.NoLeader
	}
	return leaders[partition]
}

// refresh replaces the metadata that Leader uses.
func (b *Bus) refresh(ctx context.Context) (*topology, error) {
	b.refreshing.Lock()
	defer b.refreshing.Unlock()
	// The transport answers from a cache of its own. Only a new connection pool asks the
	// broker.
	b.transport.CloseIdleConnections()
	t, err := b.topology(ctx)
	if err != nil {
		b.away.Store(&err)
		return nil, err
	}
	b.away.Store(nil)
	b.seen.Store(true)
	b.leaders.Store(t)
	return t, nil
}

// topology returns the transport's metadata, which is at most metadataTTL old while the
// cluster answers.
func (b *Bus) topology(ctx context.Context) (*topology, error) {
	res, err := b.call(ctx, callTimeout, &metadata.Request{})
	if err != nil {
		return nil, err
	}
	t := newTopology(res.(*metadata.Response))
	b.learn(t.brokers)
	return t, nil
}

func newTopology(res *metadata.Response) *topology {
	alive := make(map[int32]bool, len(res.Brokers))
	t := &topology{leaders: make(map[string][]int32, len(res.Topics))}
	for _, broker := range res.Brokers {
		alive[broker.NodeID] = true
		t.brokers = append(t.brokers, net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port))))
	}
	for _, topic := range res.Topics {
		if topic.IsInternal || len(topic.Partitions) == 0 {
			continue
		}
		leaders := make([]int32, len(topic.Partitions))
		for i := range leaders {
			leaders[i] = messages.NoLeader
		}
		for _, p := range topic.Partitions {
			if p.PartitionIndex >= 0 && int(p.PartitionIndex) < len(leaders) && alive[p.LeaderID] {
				leaders[p.PartitionIndex] = p.LeaderID
			}
		}
		t.leaders[topic.Name] = leaders
	}
	return t
}

func (b *Bus) wantRefresh() {
	select {
	case b.wake <- struct{}{}:
	default: // a refresh is due already
	}
}

// refreshOnDemand runs the background refreshes, one at a time and at least refreshInterval
// apart. The pauses grow while the cluster is away.
func (b *Bus) refreshOnDemand() {
	pause := &backoff.ExponentialBackOff{InitialInterval: refreshInterval, Multiplier: 2, MaxInterval: 400 * time.Millisecond}
	timer := time.NewTimer(0)
	defer timer.Stop()
	away := false
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case <-b.ctx.Done():
			return
		case <-b.wake:
		}
		next := refreshInterval
		_, err := b.refresh(b.ctx)
		if err != nil {
			next = pause.NextBackOff()
		} else {
			pause.Reset()
		}
		b.logChange(away, err)
		away = err != nil
		timer.Reset(next)
	}
}

// logChange logs once that the cluster is away, and once that it is back.
func (b *Bus) logChange(away bool, err error) {
	switch {
	case b.ctx.Err() != nil:
	case err != nil && !away:
		b.log.Warn("kafka is not reachable", "brokers", b.cfg.Brokers, "err", b.explained(err))
	case err == nil && away:
		b.log.Info("kafka is reachable again", "brokers", b.cfg.Brokers)
	}
}
