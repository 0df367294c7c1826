package redisstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

func TestRestoring(t *testing.T) { exerciseRestoring(t, "redis://"+miniredis.RunT(t).Addr()) }

func TestRestoringOnRedis(t *testing.T) { exerciseRestoring(t, infratest.StartRedis(t).URL()) }

func exerciseRestoring(t *testing.T, url string) {
	a := open(t, url)
	infratest.ExerciseRestoring(t, a, open(t, url), func() *infratest.Pause {
		h := &holdRestore{pause: infratest.NewPause()}
		a.AddHook(h)
		return h.pause
	})
}

// holdRestore stops a restore between its claim and its first piece.
type holdRestore struct {
	pause *infratest.Pause
	calls int // of scripts
}

func (h *holdRestore) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *holdRestore) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *holdRestore) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			if h.calls++; h.calls == 2 {
				h.pause.Stand(ctx)
			}
		}
		return next(ctx, cmd)
	}
}

// The claim of a process that dies during a restore locks others out until it expires.
// The records that it has written are no state: a new state is empty.
func TestHalfARestore(t *testing.T) {
	server := miniredis.RunT(t)
	url := "redis://" + server.Addr()
	a, b := open(t, url), open(t, url)
	snap := messages.Snapshot{Number: 5, Values: map[string]string{}}
	for i := range 30_000 {
		snap.Values[fmt.Sprint(i)] = "v"
	}
	ctx, die := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Restore(ctx, messages.Term{Number: 3}, snap) }()
	require.Eventually(t, func() bool { return server.Exists("{kafka-master}:values") }, 10*time.Second, time.Millisecond)
	die()
	require.ErrorIs(t, <-ended, context.Canceled)

	got, err := b.Acquire(t.Context(), messages.Claim{Holder: "b", Init: true}, time.Hour)
	require.NoError(t, err)
	require.Equal(t, messages.LeaseState{Empty: true, Restoring: true}, got)
	require.ErrorIs(t, b.Restore(t.Context(), messages.Term{Number: 3}, snap), messages.ErrRestoring)
	server.FastForward(11 * time.Second)
	loaded, err := b.Load(t.Context(), lead(t, b, "b"))
	require.NoError(t, err)
	require.Empty(t, loaded.Values)
	require.ErrorIs(t, a.Restore(t.Context(), messages.Term{Number: 3}, snap), messages.ErrFilled)
}

// A restore that failed can be repeated by the same process at once.
func TestRestoreIsRepeated(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	snap := messages.Snapshot{Number: 5, Values: map[string]string{"n": "v"}}
	require.NoError(t, server.Set("{kafka-master}:restoring", "somebody"))
	require.ErrorIs(t, s.Restore(t.Context(), messages.Term{Number: 3}, snap), messages.ErrRestoring)
	server.Del("{kafka-master}:restoring")
	require.NoError(t, server.Set("{kafka-master}:values", "no table")) // is deleted
	require.NoError(t, s.Restore(t.Context(), messages.Term{Number: 3}, snap))
}

// 700,000 records are more than Redis accepts in one call, and more than it can store in
// the time of one call.
func TestRestoreOfALargeState(t *testing.T) {
	n := 700_000
	if testing.Short() {
		n = 20_000
	}
	r := infratest.StartRedis(t)
	s := open(t, r.URL())
	snap := messages.Snapshot{Number: 5, Values: map[string]string{}}
	for i := range n {
		snap.Chunks = append(snap.Chunks, messages.OpenChunk{
			Chunk: messages.Chunk{ID: messages.ChunkID{File: 1, Index: i}, Offset: int64(i) * 7000, Length: 7000, FirstLine: int64(i) * 500, Lines: 500, Items: 500},
			State: messages.ChunkDead, Attempt: 5, Failures: 5, Worker: "0b7c1a52-4c0c-4f1e-9a52-6f0d1a3f6d11", Workers: 2, Reason: "exit status 1: scan.sh",
		})
	}
	began := time.Now()
	require.NoError(t, s.Restore(t.Context(), messages.Term{Number: 3}, snap))
	restored := time.Since(began)
	loaded, err := s.Load(t.Context(), lead(t, s, "a"))
	require.NoError(t, err)
	require.Len(t, loaded.Chunks, n)
	t.Logf("%d records: put back in %v, loaded in %v", n, restored, time.Since(began)-restored)
}
