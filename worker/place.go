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

// boundsAtOnce bounds the questions for the ends of partitions that are under way:
// each takes a connection.
const boundsAtOnce = 8

// place finds the partitions of workers and their end offsets, and reads them for
// the workers from now on. It returns the workers whose partition is there, and why
// the others have none yet.
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

// ends returns the end offsets of partitions, and the errors of those that it has
// none of.
func (r *reader) endOffsets(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	var mu sync.Mutex
	var failure error
	ends := map[int32]int64{}
	ask := func(p int32) {
		_, end, err := r.bus.Bounds(ctx, r.topic, p)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			ends[p] = end
		} else if failure == nil || errors.Is(err, messages.ErrRefused) {
			failure = err
		}
	}
	todo := make(chan int32)
	var all sync.WaitGroup
	for range min(boundsAtOnce, len(partitions)) {
		all.Go(func() {
			for p := range todo {
				ask(p)
			}
		})
	}
	for _, p := range partitions {
		todo <- p
	}
	close(todo)
	all.Wait()
	return ends, failure
}

// join reads the partition for the workers. What lies before its end, and what
// the reader has passed already, was there before they announced themselves: it
// is not for them.
func (r *reader) join(p int32, end int64, workers []*session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[p]
	if s == nil {
		s = &stream{partition: p, next: end, members: map[string]*session{}, backOff: newBackOff()}
		if r.wait == sharedWait {
			s.backOff.MaxInterval = partitionRecheckInterval // each failure costs the others their connections
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

// look finds out, now and then, whether the topic still has all partitions. Where
// it has fewer than it had, since it was made again, the workers without one
// announce themselves again with one that is there and go on at its end. A
// partition that the topic gets later moves nobody, and one that was chosen by
// hand is waited for.
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
	r.log.Warn("the topic was made again with fewer partitions, going on at other ones", "topic", r.topic,
		"partitions", n, "workers", len(placed))
	r.leave(n, placed)
	return true
}

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

// stranded returns the workers whose partition a topic of n partitions lacks.
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

// leave takes workers off the partitions from n on.
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
