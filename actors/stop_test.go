package actors

import (
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
)

// term returns the actor of the present term.
func (w *world) term() *actor.PID {
	w.t.Helper()
	pids := w.sys.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		for _, key := range pids[i].Keys() {
			if name, below := strings.CutPrefix(key, w.sys.master.Id+"/term-"); below && !strings.Contains(name, "/") {
				return actor.NewPID(w.sys.sys.Address(), key)
			}
		}
	}
	w.t.Fatal("no term")
	return nil
}

// A term that ends while an ordered stop waits for it is no reason to wait until the stop's
// deadline.
func TestStopGoesOnWithoutALostTerm(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, term *actor.PID){
		"the lease is lost": func(w *world, _ *actor.PID) { w.memory.Depose() },
		"the term fails":    func(w *world, term *actor.PID) { w.sys.sys.Root.Stop(term) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.startWorker("w1", 0)
				w.drop("a.txt", 8)
				term := w.term()
				process, _ := w.sys.sys.ProcessRegistry.Get(term)
				process.SendSystemMessage(term, &actor.SuspendMailbox{}) // it does not get to its drain
				stopped := make(chan error)
				began := time.Now()
				go func() { stopped <- w.sys.Stop(t.Context()) }()
				time.Sleep(100 * time.Millisecond)
				lose(w, term)
				require.NoError(t, <-stopped)
				require.Less(t, time.Since(began), 3*time.Second)
				w.start()
				time.Sleep(10 * time.Second)
				h.work("a.txt")
			})
		})
	}
}
