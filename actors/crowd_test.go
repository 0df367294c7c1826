package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// Ten thousand workers announce themselves at once, all say that they live in one
// second, and vanish together.
func TestTenThousandWorkersAtOnce(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector {
		t.Skip("it takes some seconds: make simulate runs it")
	}
	const crowd = 10_000
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		say := func(of func(i int) messages.Signal) {
			for from := 0; from < crowd; from += 1000 {
				var list []messages.Signal
				for i := from; i < from+1000; i++ {
					list = append(list, of(i))
				}
				b.hear(list...)
			}
		}
		count := func() map[messages.WorkerState]int {
			states := map[messages.WorkerState]int{}
			for _, w := range b.workers() {
				states[w.State]++
			}
			return states
		}
		name := func(i int) string { return fmt.Sprint("w", i) }
		say(func(i int) messages.Signal { return announce(name(i), int32(i%8), 1) })
		require.Equal(t, map[messages.WorkerState]int{messages.WorkerFree: crowd}, count())
		for range 3 {
			time.Sleep(3 * time.Second)
			say(func(i int) messages.Signal { return beatAt(name(i), int32(i%8)) })
		}
		require.Equal(t, map[messages.WorkerState]int{messages.WorkerFree: crowd}, count(), "nobody is late because all speak at once")
		time.Sleep(slots.LostAfter + time.Second)
		require.Equal(t, map[messages.WorkerState]int{messages.WorkerLost: crowd}, count())
		time.Sleep(slots.ForgetAfter + time.Minute)
		require.Empty(t, count())
		b.forgive()
	})
}

// A store that comes and goes every two seconds costs no term: a lease outlives that.
func TestFlappingStoreMakesNoStormOfTerms(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		before := w.overview().Term
		w.drop("a.txt", 40)
		for range 30 {
			w.store.SetDown(messages.ErrUnavailable)
			time.Sleep(2 * time.Second)
			w.store.SetDown(nil)
			time.Sleep(2 * time.Second)
		}
		require.LessOrEqual(t, w.overview().Term-before, uint64(1))
		h.work("a.txt")
		require.Equal(t, int64(40), w.file("a.txt").DoneItems)
	})
}

func beatAt(id string, partition int32) messages.Signal {
	s := announce(id, partition, 1)
	s.Kind, s.Next = messages.SignalHeartbeat, 0
	return s
}

// A hundred thousand invented ids leave room for those that work, and what they cost
// is given back.
func TestHundredThousandInventedWorkers(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector {
		t.Skip("it takes some seconds: make simulate runs it")
	}
	stageFleetOf(t, 1000, nil, nil, func(b *fleetBundle) {
		b.hear(announce("before", 1, 1))
		for from := 0; from < 100_000; from += 1000 {
			var list []messages.Signal
			for i := from; i < from+1000; i++ {
				list = append(list, classicNew(fmt.Sprint("forged-", i), int32(i%8)))
			}
			b.hear(list...)
			b.dispatcher.clear()
			b.persistence.clear()
		}
		b.hear(beatAt("before", 1))
		require.LessOrEqual(t, len(b.workers()), 1000+maxLeaving+1)
		require.Equal(t, messages.WorkerFree, b.status("before").State)
		b.forgive()
	})
}

// One id that announces other partitions in every message costs little for each of
// ten thousand classic workers; it took 70 ms a message, three minutes in all.
func TestOneOfTenThousandChangesItsListAllTheTime(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector {
		t.Skip("it takes some seconds: make simulate runs it")
	}
	const crowd = 10_000
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.tell(b.fleet, &partitionCount{n: crowd + 2})
		for from := 0; from < crowd; from += 1000 {
			var list []messages.Signal
			for i := from; i < from+1000; i++ {
				list = append(list, classicNew(fmt.Sprint("w", i), int32(i)))
			}
			b.hear(list...)
		}
		for range 3 {
			var list []messages.Signal
			for i := range 1000 {
				list = append(list, classicNew("other", crowd+int32(i%2)))
			}
			b.hear(list...)
		}
		require.Len(t, b.workers(), crowd+1)
		b.forgive()
	})
}
