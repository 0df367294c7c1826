//go:build failpoint

package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
)

// The places at which the process, which contains a master and workers, is killed.
var places = []string{
	"before a commit", "after a commit", "before a produce", "after a produce",
	"before a result is in place", "after a result is in place", "before a worker's message", "after a worker's message",
}

// TestKilledAtAPlace kills the process at each place several times, lets the next one
// complete the file, and compares the results with the input.
func TestKilledAtAPlace(t *testing.T) {
	for _, place := range places {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.vars["BATCH_SIZE"] = "20"
			items := numbered(20_000)
			s.drop("a.txt", items)
			for range times(t, "KILLS", 5) {
				p := s.spawn(roleMaster, "FAILPOINT="+place+"@"+strconv.Itoa(rand.IntN(60)))
				<-p.dead
				require.False(t, p.cmd.ProcessState.Exited(), "it ended without being killed:\n%s", p.out.text())
			}
			p := s.spawn(roleMaster)
			s.awaitDone("a.txt")
			require.Equal(t, app.ExitOK, p.terminate())
			// A chunk that the kills have halved leaves a result of the whole that no longer
			// counts: what people take home, and the independent count, decide.
			code, _, problems := s.runCommand("merge", "a.txt")
			require.Equal(t, app.ExitOK, code, problems)
			require.Equal(t, items, s.resultItems(filepath.Join(s.dir, "data", "results", "a.txt.jsonl")))
			code, out, problems := s.runCommand("verify", "a.txt")
			require.Equal(t, app.ExitOK, code, out+problems)
		})
	}
}
