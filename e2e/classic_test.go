package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/app"
	"kafka-master/messages"
)

// classicWorker behaves like the classic workers in use: it is a member of a consumer group
// on the chunk topic, starts at the end, and uses an eager assignor. It works in its poll
// loop, reports progress after each item, commits after the chunk, and skips chunks for
// other workers.
type classicWorker struct {
	logf   func(format string, args ...any)
	failf  func(format string, args ...any) // of messages that could not be sent
	poison string                           // item that ends the process, empty for none
	id     string
	client *kgo.Client
	mu     sync.Mutex
	items  []string
	chunks int
}

func (s *site) classicWorker(id string) *classicWorker {
	s.t.Helper()
	w := &classicWorker{id: id, logf: s.t.Logf, failf: func(format string, args ...any) {
		if s.t.Context().Err() == nil {
			s.t.Errorf(format, args...)
		}
	}}
	require.NoError(s.t, w.connect(s.broker()))
	return w
}

// connect joins the group.
func (w *classicWorker) connect(broker string, more ...kgo.Opt) (err error) {
	announce := func(_ context.Context, c *kgo.Client, got map[string][]int32) {
		value, _ := json.Marshal(map[string]any{"status": "new", "id": w.id, "partitions": append([]int32{}, got["master-signal"]...)})
		w.send(c, "worker-connection", value) // w.client may not be set yet
	}
	w.client, err = kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(broker), kgo.ConsumerGroup("ip-scanner-group"), kgo.ConsumeTopics("master-signal"),
		kgo.Balancers(kgo.RangeBalancer()), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(announce), kgo.BlockRebalanceOnPoll(), kgo.HeartbeatInterval(300 * time.Millisecond),
	}, more...)...)
	return err
}

// firstRestart is how long a process that died is not started again at first.
const firstRestart = time.Second

// restart waits before a process is started again, twice as long each time that it lived for
// less than 10 s, as container engines do, and returns how long to wait next. Once that is
// longer than the session of a member, the others get the partition of the chunk that ends the
// process, and pass it over. At once it could get that partition again and again: the others
// keep their ids, by which the partitions are shared out.
func restart(ctx context.Context, wait, lived time.Duration) time.Duration {
	if lived >= 10*time.Second {
		wait = firstRestart
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return min(2*wait, 8*firstRestart)
}

// mortalClassicWorker is a classic worker whose process ends when it gets to an item.
func mortalClassicWorker() int {
	log := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	w := &classicWorker{id: os.Getenv("WORKER_ID"), poison: os.Getenv("POISON"), logf: log, failf: log}
	if err := w.connect(os.Getenv("KAFKA_BROKER_ADDRESS"), kgo.SessionTimeout(6*time.Second)); err != nil {
		log("%v", err)
		return 1
	}
	w.work(context.Background())
	return 1
}

func (w *classicWorker) send(c *kgo.Client, topic string, value []byte) {
	c.Produce(context.Background(), &kgo.Record{Topic: topic, Key: []byte(w.id), Value: value}, func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, kgo.ErrClientClosed) {
			w.failf("%s: %v", w.id, err)
		}
	})
}

// work polls until ctx ends.
func (w *classicWorker) work(ctx context.Context) {
	defer w.client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := w.client.PollRecords(ctx, 1)
		fetches.EachRecord(func(r *kgo.Record) {
			w.chunk(r.Value)
			if err := w.client.CommitRecords(ctx, r); err != nil && ctx.Err() == nil {
				w.logf("%s: commit: %v", w.id, err)
			}
		})
		w.client.AllowRebalance()
	}
}

func (w *classicWorker) chunk(value []byte) {
	var m struct {
		ID, BatchID string
		Data        []string
	}
	if json.Unmarshal(value, &m) != nil || m.ID != w.id || len(m.Data) == 0 {
		return
	}
	for n, item := range m.Data {
		if w.poison != "" && item == w.poison {
			_ = w.client.Flush(context.Background())
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		w.send(w.client, "worker-signal", fmt.Appendf(nil, `{"id":%q,"batchId":%q,"processing":%d,"total":%d}`, w.id, m.BatchID, n+1, len(m.Data)))
	}
	w.mu.Lock()
	w.items = append(w.items, m.Data...)
	w.chunks++
	w.mu.Unlock()
	w.send(w.client, "worker-connection", fmt.Appendf(nil, `{"status":"done","id":%q}`, w.id))
}

func (w *classicWorker) done() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chunks
}

// Two classic workers, of which one leaves in the middle, and a native one share a file.
func TestClassicAndNativeWorkersShareAFile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for a consumer group")
	}
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"], s.vars["BATCH_SIZE"], s.vars["WORKER_TIMEOUT"] = "1", "50", "3s"
	r := s.run()
	r.log.awaitLine(t, isLeading)
	require.Eventually(t, func() bool { status, _ := s.get("/api/getWorkersStatus"); return status == 200 }, 20*time.Second, 20*time.Millisecond)
	var all sync.WaitGroup
	stop := make([]context.CancelFunc, 2)
	classic := make([]*classicWorker, 2)
	for i := range classic {
		var ctx context.Context
		ctx, stop[i] = context.WithCancel(t.Context())
		classic[i] = s.classicWorker(fmt.Sprintf("classic-%d", i))
		all.Go(func() { classic[i].work(ctx) })
	}
	defer all.Wait()
	defer stop[0]()
	defer stop[1]()
	require.Eventually(t, func() bool {
		_, body := s.get("/api/getWorkersStatus")
		return body == `{"classic-0":"1","classic-1":"1","embedded-1":"1"}`
	}, 30*time.Second, 20*time.Millisecond)
	items := numbered(60_000)
	s.drop("a.txt", items)
	for _, w := range classic {
		require.Eventually(t, func() bool { return w.done() > 5 }, 30*time.Second, 20*time.Millisecond)
	}
	stop[0]()
	r.log.awaitLine(t, isFileEnded)
	stop[1]()
	all.Wait() // they leave the group while the broker still runs
	require.Equal(t, app.ExitOK, r.end())
	ended := r.log.lines(isBalanced(60_000, 0))
	require.Len(t, ended, 1)
	require.Equal(t, messages.FileDone.String(), ended[0].text("state"))
	got := map[string]bool{}
	for _, x := range append(append(s.results("a.txt"), classic[0].items...), classic[1].items...) {
		got[x] = true
	}
	require.Len(t, got, len(items), "every item was worked on")
}

// A line ends the process of each classic worker that gets to it. The chunk is halved until
// that line stands alone and is dead; everything else is done, and the workers, which are
// started again each time, are there in the end.
func TestLineThatKillsClassicWorkers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for a consumer group again and again")
	}
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"], s.vars["BATCH_SIZE"], s.vars["WORKER_TIMEOUT"], s.vars["MAX_ATTEMPTS"] = "0", "4", "3s", "2"
	r := s.run()
	r.log.awaitLine(t, isLeading)
	items := numbered(12)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			for wait := firstRestart; ctx.Err() == nil; {
				began := time.Now()
				p := s.spawn(roleClassic, fmt.Sprint("WORKER_ID=classic-", i), "KAFKA_BROKER_ADDRESS="+s.broker(), "POISON="+items[5])
				select {
				case <-p.dead:
					wait = restart(ctx, wait, time.Since(began))
				case <-ctx.Done():
					p.kill()
				}
			}
		})
	}
	defer all.Wait()
	defer stop()
	require.Eventually(t, func() bool {
		_, body := s.get("/api/getWorkersStatus")
		return body == `{"classic-0":"1","classic-1":"1"}`
	}, time.Minute, 20*time.Millisecond)
	s.drop("a.txt", items)
	r.log.awaitLine(t, isFileEnded)
	ended := r.log.lines(isFileEnded)[0]
	require.Equal(t, [2]int64{11, 1}, [2]int64{ended.number("done"), ended.number("dead")})
	require.Eventually(t, func() bool {
		_, body := s.get("/api/v1/dead")
		return strings.Contains(body, `"first_item":"`+items[5]+`"`)
	}, time.Minute, 20*time.Millisecond, "an answer may be half a second old")
	require.Eventually(t, func() bool {
		_, body := s.get("/api/getWorkersStatus")
		return body == `{"classic-0":"1","classic-1":"1"}`
	}, time.Minute, 20*time.Millisecond, "no worker is lost for good")
	stop()
	all.Wait()
	require.Equal(t, app.ExitOK, r.end())
}
