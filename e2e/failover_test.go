package e2e

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/app"
	"kafka-master/infra/infratest"
)

// times returns the number in an environment variable, or the default.
func times(t *testing.T, variable string, byDefault int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}

// pair is two masters that share a Kafka and a Redis, and workers that are always busy.
type pair struct {
	*site
	masters map[string]*process
	ports   map[string]string
	workers []*process
	terms   chan uint64 // receives each new term when its first chunk is sent
}

func newPair(t *testing.T, db, lines int) (*pair, []string) {
	t.Helper()
	p := &pair{
		site: realSite(t, db), masters: map[string]*process{}, terms: make(chan uint64, 1000),
		ports: map[string]string{"m1": infratest.FreePort(t), "m2": infratest.FreePort(t)},
	}
	p.vars["BATCH_SIZE"], p.vars["SETTLE"] = "10", "0"
	p.begin("m1")
	p.masters["m1"].out.awaitLine(t, isLeading)
	p.begin("m2")
	p.workers = p.slowWorkers()
	p.watch()
	items := numbered(lines)
	p.drop("a.txt", items)
	<-p.terms
	return p, items
}

// begin starts a master.
func (p *pair) begin(id string) {
	p.masters[id] = p.spawn(roleMaster, "MASTER_ID="+id, "API_SERVER_PORT="+p.ports[id])
}

// watch sends each term to p.terms when its first chunk is in the topic.
func (p *pair) watch() {
	client, err := kgo.NewClient(kgo.SeedBrokers(p.vars["KAFKA_BROKER_ADDRESS"]), kgo.ConsumeTopics(p.vars["KAFKA_TOPIC_NAME_MASTER"]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	require.NoError(p.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		last := uint64(0)
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				var m struct{ Term uint64 }
				if json.Unmarshal(r.Value, &m) == nil && m.Term > last {
					last = m.Term
					p.terms <- last
				}
			})
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		<-ended
		client.Close()
	})
}

// leader returns the ids of the leader and of the other master.
func (p *pair) leader() (leads, other string) {
	p.t.Helper()
	ids := []string{"m1", "m2"}
	require.Eventually(p.t, func() bool {
		for i, id := range ids {
			p.vars["API_SERVER_PORT"] = p.ports[id]
			if _, body := p.get("/readyz"); strings.HasPrefix(body, "ready: leader") {
				leads, other = id, ids[1-i]
				return true
			}
		}
		return false
	}, 30*time.Second, 10*time.Millisecond)
	return leads, other
}

// next waits for the first chunk of the next term and returns the time since a point.
func (p *pair) next(since time.Time) time.Duration {
	p.t.Helper()
	select {
	case <-p.terms:
		return time.Since(since)
	case <-time.After(time.Minute):
		p.t.Fatal("no master took over")
		return 0
	}
}

// finish waits for the end of the file and checks that each line has one result.
func (p *pair) finish(items []string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		for _, m := range p.masters {
			if len(m.out.lines(isFileEnded)) > 0 {
				return true
			}
		}
		return false
	}, 4*time.Minute, 50*time.Millisecond)
	balanced := 0
	for _, id := range []string{"m1", "m2"} {
		p.masters[id].terminate()
		balanced += len(p.masters[id].out.lines(isBalanced(int64(len(items)), 0)))
		require.Empty(p.t, p.masters[id].out.lines(isWorkerLost), "no worker was silent")
	}
	require.Positive(p.t, balanced)
	for _, w := range p.workers {
		require.Equal(p.t, app.ExitOK, w.terminate())
	}
	p.sameItems(items, p.plainResults("a.txt"))
}

// logTakeovers logs the times from the end of a leader to the next dispatch.
func logTakeovers(t *testing.T, what string, took []time.Duration) {
	slices.Sort(took)
	t.Logf("%s, to the next dispatch: n %d, p50 %v, worst %v", what, len(took), took[len(took)/2], took[len(took)-1])
}

func TestLeaderIsKilled(t *testing.T) {
	t.Parallel()
	n := times(t, "FAILOVER_KILLS", 2)
	p, items := newPair(t, 1, 8000*(n+1))
	var took []time.Duration
	for range n {
		leads, _ := p.leader()
		p.masters[leads].kill()
		took = append(took, p.next(time.Now()))
		p.begin(leads)
	}
	logTakeovers(t, "kill -9", took)
	p.finish(items)
}

func TestLeaderIsStoppedInOrder(t *testing.T) {
	t.Parallel()
	n := times(t, "FAILOVER_KILLS", 2)
	p, items := newPair(t, 2, 3000*(n+1))
	var took []time.Duration
	for range n {
		leads, other := p.leader()
		p.masters[other].out.awaitLine(t, isStandingBy)
		at := time.Now()
		require.Equal(t, app.ExitOK, p.masters[leads].terminate())
		took = append(took, p.next(at))
		p.begin(leads)
	}
	logTakeovers(t, "SIGTERM", took)
	p.finish(items)
}

// A leader that was suspended for longer than its lease writes nothing when it resumes, and
// becomes a standby.
func TestLeaderThatWakesStandsBy(t *testing.T) {
	t.Parallel()
	waits := []time.Duration{6 * time.Second}
	if os.Getenv("FAILOVER_KILLS") != "" {
		waits = append(waits, 12*time.Second, 40*time.Second)
	}
	p, items := newPair(t, 3, 12_000*len(waits))
	for _, wait := range waits {
		leads, other := p.leader()
		m := p.masters[leads]
		require.NoError(t, m.cmd.Process.Signal(syscall.SIGSTOP))
		p.next(time.Now())
		time.Sleep(wait - 5*time.Second) // the length of the suspension is what is tested
		before := len(m.out.lines(isStandingBy))
		require.NoError(t, m.cmd.Process.Signal(syscall.SIGCONT))
		require.Eventually(t, func() bool {
			return len(m.out.lines(isStandingBy)) > before
		}, 10*time.Second, 10*time.Millisecond)
		now, _ := p.leader()
		require.Equal(t, other, now, "the master that took over still leads")
		require.Empty(t, p.terms)
	}
	p.finish(items)
}
