package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// While a real Redis refuses commits, the error does not claim that another master
// leads, and the same batch is applied once when Redis works again.
func TestRefusalsOfARealRedis(t *testing.T) {
	for name, c := range map[string]struct {
		begin, end [][]string
		shows      string // in the error
	}{
		"out of memory": {
			begin: [][]string{{"config", "set", "maxmemory-policy", "noeviction"}, {"config", "set", "maxmemory", "1"}},
			end:   [][]string{{"config", "set", "maxmemory", "0"}}, shows: "OOM",
		},
		"read only": {
			begin: [][]string{{"replicaof", "127.0.0.1", "1"}},
			end:   [][]string{{"replicaof", "no", "one"}}, shows: "READONLY",
		},
		"slow": {
			begin: [][]string{{"client", "pause", "3500", "ALL"}},
			shows: "i/o timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := infratest.StartRedis(t)
			s := open(t, r.URL())
			term := lead(t, s, "a")
			first := messages.Batch{Number: 1, ID: "x", Values: []messages.Value{{Name: "n", Value: "1"}}}
			require.NoError(t, s.Commit(t.Context(), term, first))
			for _, command := range c.begin {
				r.Do(command...)
			}
			second := messages.Batch{Number: 2, ID: "y", Values: []messages.Value{{Name: "n", Value: "2"}}}
			err := s.Commit(t.Context(), term, second)
			require.ErrorContains(t, err, c.shows)
			require.NotErrorIs(t, err, messages.ErrFenced)
			require.NotErrorIs(t, err, messages.ErrEmpty)
			for _, command := range c.end {
				r.Do(command...)
			}
			require.Eventually(t, func() bool { return s.Commit(t.Context(), term, second) == nil }, 20*time.Second, 20*time.Millisecond)
			require.NoError(t, s.Commit(t.Context(), term, second), "a repeat has no effect")
			number, err := s.Renew(t.Context(), term, time.Hour)
			require.NoError(t, err)
			require.EqualValues(t, 2, number)
			got, err := s.Load(t.Context(), term)
			require.NoError(t, err)
			require.Equal(t, "2", got.Values["n"])
		})
	}
}

// A restore that runs out of memory leaves no state, and succeeds later.
func TestRestoreWithoutMemory(t *testing.T) {
	r := infratest.StartRedis(t)
	s := open(t, r.URL())
	snap := messages.Snapshot{Number: 5, Values: map[string]string{"n": "v"}}
	r.Do("config", "set", "maxmemory", "1")
	err := s.Restore(t.Context(), messages.Term{Number: 3}, snap)
	require.ErrorContains(t, err, "OOM")
	require.NotErrorIs(t, err, messages.ErrRestoring)
	r.Do("config", "set", "maxmemory", "0")
	require.NoError(t, s.Restore(t.Context(), messages.Term{Number: 3}, snap))
	got, err := s.Load(t.Context(), lead(t, s, "a"))
	require.NoError(t, err)
	require.Equal(t, snap, got)
}
