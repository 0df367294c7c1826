package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"kafka-master/messages"
)

// maxBoundsRequests bounds the concurrent requests for the end offsets of partitions.
// Each of them takes a connection.
const maxBoundsRequests = 8

// place finds the partitions of workers with their end offsets and starts to read
// them. It returns the workers whose partition exists, and the reason why the others
// have none yet.
func (r *reader) place(ctx context.Context, workers []*session) (placed []*session, err error) {
	n, err := r.bus.Partitions(ctx, r.topic)
	if err != nil {
		return nil, err
	}
	groups := map[int32][]*session{}
	for _, w := range workers {
		p := w.partitionIn(n)
		if int(p) >= n {
			err = fmt.Errorf("%w: partition %d of %d", errNoPartition, p, n)
			continue
		}
		groups[p] = append(groups[p], w)
	}
	ends, failure := r.endOffsets(ctx, slices.Collect(maps.Keys(groups)))
	for p, end := range ends {
		r.join(p, end, groups[p])
		placed = append(placed, groups[p]...)
	}
	return placed, errors.Join(failure, err)
}

// endOffsets returns the end offsets of those partitions for which Kafka returned one,
// and an error for the others: a refusal if there is one, else the first error.
func (r *reader) endOffsets(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	var mu sync.Mutex
	var failure error
	ends := map[int32]int64{}
	var all sync.WaitGroup
	room := make(chan struct{}, maxBoundsRequests)
	for _, p := range partitions {
		room <- struct{}{}
		all.Go(func() {
			_, end, err := r.bus.Bounds(ctx, r.topic, p)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ends[p] = end
			} else if failure == nil || errors.Is(err, messages.ErrRefused) {
				failure = err
			}
			<-room
		})
	}
	all.Wait()
	return ends, failure
}

// join reads the partition for the workers. They start at its end offset, or where the
// reader already is: older records were sent before the workers announced themselves
// and are not for them.
func (r *reader) join(p int32, end int64, workers []*session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[p]
	if s == nil {
		s = &stream{partition: p, next: end, members: map[string]*session{}, backOff: newBackOff()}
		if r.wait == sharedWait {
			s.backOff.MaxInterval = partitionRecheckInterval // each failure costs the other workers their connections
		}
		r.streams[p] = s
	}
	s.members = maps.Clone(s.members)
	for _, w := range workers {
		s.members[w.cfg.ID] = w
		w.moveTo(messages.Position{Topic: r.topic, Partition: p, Offset: max(end, s.next)}, true)
	}
	r.startLanes()
	r.announceChange()
}

// checkPartitions checks from time to time whether the topic still has all partitions.
// A topic that was created again may have fewer: the workers whose partition is gone
// then announce themselves with one that exists and continue at its end. Workers do
// not move to partitions that the topic gets later, and a worker whose partition was
// configured waits for it.
func (r *reader) checkPartitions(ctx context.Context, trouble bool) (moved bool) {
	if !r.partitionCheckDue(trouble) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, partitionCheckTimeout)
	defer cancel()
	n, err := r.bus.Partitions(ctx, r.topic)
	if err != nil {
		return false
	}
	stranded := r.stranded(n)
	if len(stranded) == 0 {
		return false
	}
	placed, _ := r.place(ctx, stranded)
	if len(placed) == 0 {
		return false
	}
	r.log.Warn("the topic was created again with fewer partitions, continuing with other partitions", "topic", r.topic,
		"partitions", n, "workers", len(placed))
	r.leave(n, placed)
	return true
}

// partitionCheckDue reports whether it is time for a check, and if so counts it as
// made.
func (r *reader) partitionCheckDue(trouble bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := time.Since(r.checkedAt)
	if since < partitionRecheckInterval || since < partitionCheckInterval && !trouble {
		return false
	}
	r.checkedAt = time.Now()
	return true
}

// stranded returns the workers whose partition does not exist in a topic with n
// partitions, without those whose partition was configured.
func (r *reader) stranded(n int) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*session
	for p, s := range r.streams {
		if int(p) < n {
			continue
		}
		for _, m := range s.members {
			if m.cfg.Partition == nil {
				all = append(all, m)
			}
		}
	}
	return all
}

// leave removes workers from the partitions n and above.
func (r *reader) leave(n int, workers []*session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, s := range r.streams {
		if int(p) < n {
			continue
		}
		s.members = maps.Clone(s.members)
		for _, w := range workers {
			delete(s.members, w.cfg.ID)
		}
		if len(s.members) == 0 {
			delete(r.streams, p)
		}
	}
	r.logRecovery()
}
