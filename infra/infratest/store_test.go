package infratest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryStore(t *testing.T) {
	ExerciseStore(t, func(*testing.T) Store { return NewMemoryStore() })
}

func TestMemoryLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ExerciseLease(t, NewMemoryStore(), time.Sleep) // bubble time
	})
}

func TestMemoryEmptied(t *testing.T) { ExerciseEmptied(t, NewMemoryStore()) }

func TestMemoryRestoring(t *testing.T) {
	s := NewMemoryStore()
	ExerciseRestoring(t, s, s, s.HoldRestore)
}

func TestMemoryPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ExercisePresence(t, NewMemoryStore(), time.Sleep) // bubble time
	})
}

func TestWipe(t *testing.T) {
	s := NewMemoryStore()
	term := lead(t, s, "a")
	commit(t, s, term, ExampleBatch(1))
	require.Len(t, s.Snapshot().Files, 2)
	s.Wipe()
	requireFenced(t, s.Commit(context.Background(), term, values(2, "y", "n", "1")), "commit on an emptied store")
	require.Equal(t, messages.Snapshot{Values: map[string]string{}}, s.Snapshot())
}
