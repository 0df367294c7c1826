package actors

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// simSettings are the calls of people who change and read the batch size through
// both masters at once. The size has to behave as one register: there is an order
// of all calls, in which each lies between its beginning and its end, that
// explains every answer.
type simSettings struct {
	calls []simSetting
	next  int // value of the next change
	void  bool
}

// simSetting is one call. One that failed may have had its effect at any later time.
type simSetting struct {
	write      bool
	value      int
	begin, end int64
}

// never is the end of a call without an answer.
const never = int64(math.MaxInt64)

// change sets the batch size through a master.
func (w *simWorld) change(m *simMaster, items int) {
	n := len(w.settings.calls)
	w.settings.calls = append(w.settings.calls, simSetting{write: true, value: items, begin: time.Now().UnixNano(), end: never})
	m.ask(messages.SetBatchSize{Items: items}, func(_ any, err error) {
		if err == nil {
			w.settings.calls[n].end = time.Now().UnixNano()
		}
	})
}

// look reads the batch size through a master.
func (w *simWorld) look(m *simMaster) {
	begin := time.Now().UnixNano()
	m.ask(messages.QueryBatchSize{}, func(a any, err error) {
		if v, ok := a.(int); ok && err == nil {
			w.settings.calls = append(w.settings.calls, simSetting{value: v, begin: begin, end: time.Now().UnixNano()})
		}
	})
}

// useSettings is somebody who changes the size, or reads it, through any master.
func (w *simWorld) useSettings() {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return
	}
	if w.rng.IntN(2) == 0 {
		w.look(m)
		return
	}
	w.settings.next++
	w.change(m, w.settings.next)
}

// checkSettings looks for the order of the calls so far. A store that lost commits
// may have lost a setting.
func (w *simWorld) checkSettings() {
	if w.settings.void {
		return
	}
	if err := register(w.cfg.BatchSize, w.settings.calls); err != nil {
		w.history.violate("S12", "%v", err)
	}
}

// register reports whether the calls are those of one register that holds first at
// the beginning. Values that are written are unique and not first.
func register(first int, calls []simSetting) error {
	done := make([]bool, len(calls))
	seen := map[string]bool{}
	var search func(value, left int) bool
	search = func(value, left int) bool {
		if left == 0 {
			return true
		}
		key := fmt.Sprint(value, done)
		if seen[key] {
			return false
		}
		seen[key] = true
		earliest := never
		for i, c := range calls {
			if !done[i] {
				earliest = min(earliest, c.end)
			}
		}
		for i, c := range calls {
			if done[i] || c.begin > earliest || !c.write && c.value != value {
				continue
			}
			after := value
			if c.write {
				after = c.value
			}
			done[i] = true
			rest := left
			if c.end != never {
				rest--
			}
			if search(after, rest) {
				return true
			}
			done[i] = false
		}
		return false
	}
	answered := 0
	for _, c := range calls {
		if c.end != never {
			answered++
		}
	}
	if !search(first, answered) {
		return fmt.Errorf("no order explains the calls %+v on a register that held %d", calls, first)
	}
	return nil
}

func TestRegisterTellsHistoriesApart(t *testing.T) {
	t.Parallel()
	write := func(v int, begin, end int64) simSetting { return simSetting{true, v, begin, end} }
	read := func(v int, begin, end int64) simSetting { return simSetting{false, v, begin, end} }
	for name, calls := range map[string][]simSetting{
		"read after write":               {write(1, 0, 1), read(1, 2, 3)},
		"either value while it is set":   {write(1, 0, 9), read(0, 1, 2), read(1, 3, 4)},
		"a failed write may show, late":  {write(1, 0, never), read(0, 1, 2), read(1, 3, 4)},
		"a failed write may never show":  {write(1, 0, never), read(0, 1, 2), read(0, 3, 4)},
		"two writes at once, any order":  {write(1, 0, 9), write(2, 0, 9), read(1, 10, 11)},
		"a failed write hides the other": {write(1, 0, never), write(2, 1, 2), read(2, 3, 4), read(1, 5, 6)},
	} {
		require.NoError(t, register(0, calls), name)
	}
	for name, calls := range map[string][]simSetting{
		"a lost write":            {write(1, 0, 1), read(0, 2, 3)},
		"it goes back":            {write(1, 0, 9), read(1, 1, 2), read(0, 3, 4)},
		"a value that nobody set": {read(7, 1, 2)},
		"an older one comes back": {write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)},
	} {
		require.Error(t, register(0, calls), name)
	}
}

// A size that is not committed yet may be lost with its leader, so it is not answered.
func TestBatchSizeIsToldOnceItIsCommitted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		require.Equal(t, 2, w.ask(messages.QueryBatchSize{}))
		w.store.SetDown(messages.ErrUnavailable)
		set := make(chan any, 1)
		go func() {
			a, _ := w.sys.Ask(t.Context(), messages.SetBatchSize{Items: 9})
			set <- a
		}()
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, 2, w.ask(messages.QueryBatchSize{}))
		w.store.SetDown(nil)
		require.Equal(t, 9, <-set)
		require.Equal(t, 9, w.ask(messages.QueryBatchSize{}))
	})
}
