package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/infra/infratest"
	"kafka-master/infra/redisstore"
	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(redisstore.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func connect(t testing.TB, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// realURL returns the URL of an empty database of a real Redis, and skips the
// test when there is none. REDIS_TEST_URL names a database that may be emptied.
func realURL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("REDIS_TEST_URL")
	if url == "" {
		t.Skip("REDIS_TEST_URL is not set")
	}
	require.NoError(t, connect(t, url).FlushDB(context.Background()).Err())
	return url
}

func lead(t testing.TB, s *redisstore.Store, holder string) messages.Term {
	t.Helper()
	got, err := s.Acquire(context.Background(), messages.Claim{Holder: holder, Init: true}, time.Hour)
	require.NoError(t, err)
	require.True(t, got.Taken)
	return got.Term
}

func value(number uint64, id string) messages.Batch {
	return messages.Batch{Number: number, ID: id, Values: []messages.Value{{Name: "n", Value: id}}}
}

func TestStoreOnMiniredis(t *testing.T) {
	infratest.ExerciseStore(t, func(t *testing.T) infratest.Store {
		return open(t, "redis://"+miniredis.RunT(t).Addr())
	})
}

func TestStoreOnRedis(t *testing.T) {
	realURL(t)
	infratest.ExerciseStore(t, func(t *testing.T) infratest.Store { return open(t, realURL(t)) })
}

func TestLeaseOnMiniredis(t *testing.T) {
	server := miniredis.RunT(t)
	infratest.ExerciseLease(t, open(t, "redis://"+server.Addr()), server.FastForward)
}

func TestEmptiedAndPresenceOnMiniredis(t *testing.T) {
	server := miniredis.RunT(t)
	infratest.ExerciseEmptied(t, open(t, "redis://"+server.Addr()))
	infratest.ExercisePresence(t, open(t, "redis://"+server.Addr()), server.FastForward)
}

func TestEmptiedAndPresenceOnRedis(t *testing.T) {
	url := realURL(t)
	client := connect(t, url)
	infratest.ExerciseEmptied(t, open(t, url))
	infratest.ExercisePresence(t, open(t, url), func(time.Duration) {
		require.Eventually(t, func() bool {
			return client.Exists(context.Background(), "{kafka-master}:master:m").Val() == 0
		}, 5*time.Second, 10*time.Millisecond)
	})
}

// Without its head a state is lost: the remaining keys are deleted when the leader
// restores its state.
func TestRestoreDropsWhatAnEvictedHeadLeft(t *testing.T) {
	ctx := context.Background()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(ctx, term, value(1, "x")))
	server.Del("{kafka-master}:head")
	require.ErrorIs(t, s.Commit(ctx, term, value(2, "y")), messages.ErrEmpty)
	snap := messages.Snapshot{Number: 1, Values: map[string]string{"other": "v"}}
	require.NoError(t, s.Restore(ctx, term, snap))
	got, err := s.Load(ctx, lead(t, s, "a"))
	require.NoError(t, err)
	require.Equal(t, snap, got)
}

func TestLeaseOnRedis(t *testing.T) {
	url := realURL(t)
	client := connect(t, url)
	infratest.ExerciseLease(t, open(t, url), func(time.Duration) {
		require.Eventually(t, func() bool {
			return client.Exists(context.Background(), "{kafka-master}:lease").Val() == 0
		}, 5*time.Second, 10*time.Millisecond)
	})
}

// TestEveryKeyHasThePrefix checks that all keys are in one slot of a Redis Cluster, and
// that only the lease expires.
func TestEveryKeyHasThePrefix(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	b := value(1, "x")
	b.Files, b.Workers = []*messages.File{{ID: 1}}, []messages.Worker{{ID: "w"}}
	b.Chunks, b.Journal = []messages.OpenChunk{{}}, []messages.Attempt{{}}
	b.Offsets = []messages.Position{{Topic: "t"}}
	require.NoError(t, s.Commit(context.Background(), lead(t, s, "a"), b))
	var names []string
	for _, key := range server.Keys() {
		name, ok := strings.CutPrefix(key, "{kafka-master}:")
		require.True(t, ok, key)
		require.Equal(t, name == "lease", server.TTL(key) > 0, key)
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"head", "lease", "files", "chunks", "workers", "offsets", "values", "journal"}, names)
}

func TestForgottenScriptsAreSentAgain(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(context.Background(), term, value(1, "x")))
	require.NoError(t, connect(t, "redis://"+server.Addr()).ScriptFlush(context.Background()).Err())
	require.NoError(t, s.Commit(context.Background(), term, value(2, "y")))
}

func TestEmptiedRedisFences(t *testing.T) {
	ctx := context.Background()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(ctx, term, value(1, "x")))
	server.FlushAll()
	require.ErrorIs(t, s.Commit(ctx, term, value(2, "y")), messages.ErrFenced)
	require.ErrorIs(t, s.Commit(ctx, term, value(1, "x")), messages.ErrFenced)
	_, err := s.Renew(ctx, term, time.Second)
	require.ErrorIs(t, err, messages.ErrFenced)
	require.Empty(t, server.Keys(), "a refused call must not write")
}

// TestLostCommitsFence simulates a Redis that was killed before it had synced: its head
// is older than the last commit that it acknowledged.
func TestLostCommitsFence(t *testing.T) {
	ctx := context.Background()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(ctx, term, value(1, "x")))
	require.NoError(t, s.Commit(ctx, term, value(2, "y")))
	server.HSet("{kafka-master}:head", "number", "1", "batch", "x")
	number, err := s.Renew(ctx, term, time.Second)
	require.NoError(t, err)
	require.Equal(t, uint64(1), number)
	require.ErrorIs(t, s.Commit(ctx, term, value(3, "z")), messages.ErrFenced)
}

func TestUnreadableRecordIsNamed(t *testing.T) {
	for _, c := range []struct{ table, key, value string }{
		{"chunks", "7/12", "\x09"}, {"files", "7", "{"}, {"workers", "w", "[]"}, {"offsets", "t/1", "one"},
	} {
		t.Run(c.table, func(t *testing.T) {
			server := miniredis.RunT(t)
			s := open(t, "redis://"+server.Addr())
			term := lead(t, s, "a")
			server.HSet("{kafka-master}:"+c.table, c.key, c.value)
			_, err := s.Load(context.Background(), term)
			require.ErrorIs(t, err, messages.ErrBadRecord)
			require.ErrorContains(t, err, "{kafka-master}:"+c.table)
			require.ErrorContains(t, err, c.key)
		})
	}
}

// attempts returns a batch of n journal entries of file 1, counted from first.
func attempts(number uint64, first, n int) messages.Batch {
	b := messages.Batch{Number: number, ID: "x"}
	for i := range n {
		b.Journal = append(b.Journal, messages.Attempt{Chunk: messages.ChunkID{File: 1, Index: first + i}})
	}
	return b
}

// TestJournalWhileItGrows reads the journal while attempts are added: none is missing or
// returned twice.
func TestJournalWhileItGrows(t *testing.T) {
	ctx := context.Background()
	s := open(t, "redis://"+miniredis.RunT(t).Addr())
	term := lead(t, s, "a")
	// The attempts to read must not be dropped, however fast others are added.
	const old, more = messages.JournalCap / 4, 5
	require.NoError(t, s.Commit(ctx, term, attempts(1, 0, old)))
	var stop atomic.Bool
	done := make(chan error, 1)
	go func() {
		var err error
		for number := uint64(2); err == nil && !stop.Load(); number++ {
			err = s.Commit(ctx, term, attempts(number, old+int(number-2)*more, more))
		}
		done <- err
	}()
	for range 5 {
		list, err := s.Journal(ctx, 1, old)
		require.NoError(t, err)
		require.Len(t, list, old)
		for i := 1; i < len(list); i++ {
			require.Equal(t, list[i-1].Chunk.Index-1, list[i].Chunk.Index)
		}
	}
	stop.Store(true)
	require.NoError(t, <-done)
}

// TestLoadWhileCommitsRun checks that a snapshot never mixes two batches.
func TestLoadWhileCommitsRun(t *testing.T) {
	ctx := context.Background()
	s := open(t, "redis://"+miniredis.RunT(t).Addr())
	term := lead(t, s, "a")
	done := make(chan error, 1)
	go func() {
		var err error
		for number := uint64(1); number <= 300 && err == nil; number++ {
			b := value(number, fmt.Sprint(number))
			b.Offsets = []messages.Position{{Topic: "t", Offset: int64(number)}}
			err = s.Commit(ctx, term, b)
		}
		done <- err
	}()
	for ended := false; !ended; {
		select {
		case err := <-done:
			require.NoError(t, err)
			ended = true
		default:
		}
		snap, err := s.Load(ctx, term)
		if err != nil {
			require.ErrorIs(t, err, redisstore.ErrBusy)
			continue
		}
		if snap.Number > 0 {
			require.Equal(t, fmt.Sprint(snap.Number), snap.Values["n"])
			require.Equal(t, int64(snap.Number), snap.Offsets[0].Offset)
		}
	}
}

func TestBadURLsDoNotShowThePassword(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://:s3cret@h", "redis://:s3cret@h:port", "redis://:s3c/ret@h", "redis://:s3c#ret@h:1",
		"redis://:s3cret%@h", "redis://:s3cret@h/x", "redis://:s3cret@h?s3cret=1", "unix://u:s3cret@", " redis://:s3cret@h",
	} {
		_, err := redisstore.Open(redisstore.Config{URL: url})
		require.ErrorIs(t, err, messages.ErrConfig, url)
		require.NotContains(t, err.Error(), "s3c")
	}
}

func TestPing(t *testing.T) {
	ctx := context.Background()
	server := miniredis.RunT(t)
	require.NoError(t, open(t, "redis://"+server.Addr()).Ping(ctx))

	server.RequireAuth("s3cret")
	err := open(t, "redis://"+server.Addr()).Ping(ctx)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "NOAUTH")
	require.ErrorContains(t, err, "REDIS_URL")
	err = open(t, "redis://:bad-s3cret@"+server.Addr()).Ping(ctx)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "WRONGPASS")
	require.ErrorContains(t, err, "REDIS_URL")
	require.NotContains(t, err.Error(), "s3cret")
	require.NoError(t, open(t, "redis://:s3cret@"+server.Addr()).Ping(ctx))

	away := server.Addr()
	server.Close()
	err = open(t, "redis://:s3cret@"+away).Ping(ctx)
	require.NotErrorIs(t, err, messages.ErrConfig)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "REDIS_URL")
	require.ErrorContains(t, err, away)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestPingWarnsOfLostState(t *testing.T) {
	ctx := context.Background()
	url := realURL(t)
	client := connect(t, url)
	was := client.ConfigGet(ctx, "maxmemory-policy").Val()["maxmemory-policy"]
	require.NoError(t, client.ConfigSet(ctx, "maxmemory-policy", "allkeys-lru").Err())
	defer client.ConfigSet(ctx, "maxmemory-policy", was)
	var out bytes.Buffer
	s, err := redisstore.Open(redisstore.Config{URL: url, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Ping(ctx))
	require.NoError(t, s.Ping(ctx))
	require.Equal(t, 1, strings.Count(out.String(), "maxmemory-policy"), out.String())
}

// TestSilentRedis checks that a call to a server that accepts connections and never
// answers ends with its context, and that the commit can be repeated.
func TestSilentRedis(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	s := open(t, "redis://"+listener.Addr().String())
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err = s.Commit(ctx, messages.Term{Number: 1, Holder: "a"}, value(1, "x"))
	require.Error(t, err)
	require.NotErrorIs(t, err, messages.ErrFenced)
	require.NotErrorIs(t, err, messages.ErrConfig)
}

func TestRestartedRedis(t *testing.T) {
	ctx := context.Background()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(ctx, term, value(1, "x")))
	server.Close()
	require.Error(t, s.Commit(ctx, term, value(2, "y")))
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return s.Commit(ctx, term, value(2, "y")) == nil }, 5*time.Second, 10*time.Millisecond)
	snap, err := s.Load(ctx, term)
	require.NoError(t, err)
	require.Equal(t, uint64(2), snap.Number)
}
