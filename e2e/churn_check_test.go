package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

// workerEvent is a line that a classic worker of these tests prints.
type workerEvent struct {
	Event   string
	ID      string
	BatchID string
	At      float64 // seconds since 1970
}

func (e workerEvent) time() time.Time { return time.UnixMicro(int64(e.At * 1e6)) }

// takenBack is the line in the master's log about chunks that were taken back.
type takenBack struct {
	at                        time.Time
	workerID, batchID, reason string
}

func newTakenBack(t *testing.T, l logLine) takenBack {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, l.text("time"))
	require.NoError(t, err)
	return takenBack{at, l.text("worker_id"), l.text("batch_id"), l.text("reason")}
}

// sentChunk is a chunk message in the topic.
type sentChunk struct {
	at      time.Time
	worker  string
	batchID string
}

// groupWatch records the state of the consumer group of the workers, ten times a second.
type groupWatch struct {
	stop    context.CancelFunc
	done    chan struct{}
	samples []groupSample
}

type groupSample struct {
	at    time.Time
	state string
}

func (c *churn) watchGroup() *groupWatch {
	bus, err := kafkabus.New(kafkabus.Config{Brokers: []string{c.vars["KAFKA_BROKER_ADDRESS"]}, ClientID: "churn"})
	require.NoError(c.t, err)
	ctx, stop := context.WithCancel(c.t.Context())
	w := &groupWatch{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer bus.Close()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if g, err := bus.Find(ctx, c.vars["KAFKA_TOPIC_NAME_MASTER"], c.vars["KAFKA_WORKER_GROUP"]); err == nil {
				w.samples = append(w.samples, groupSample{time.Now(), g.State})
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return w
}

func (w *groupWatch) end() []groupSample {
	w.stop()
	<-w.done
	return w.samples
}

// check compares what the workers did with what the master logged and sent.
func (c *churn) check(states []groupSample) {
	c.saveLogs(states)
	var runs [][]workerEvent // one list for each process
	for _, p := range c.all {
		runs = append(runs, jsonLines[workerEvent](p.out.text()))
	}
	sent := c.sent()
	c.checkBalance(runs)
	c.checkOneAtATime(runs, sent)
	c.checkTakenBack(runs, sent, states)
	c.measure(runs, sent, states)
}

// saveLogs writes the output of all processes to a file in CHURN_LOGS, if that is set.
func (c *churn) saveLogs(states []groupSample) {
	dir := os.Getenv("CHURN_LOGS")
	if dir == "" {
		return
	}
	var b strings.Builder
	b.WriteString(c.master.out.text())
	for _, p := range c.all {
		b.WriteString(p.out.text())
	}
	for _, e := range c.events {
		fmt.Fprintf(&b, "{\"churn\":%q,\"id\":%q,\"at\":%.3f}\n", e.what, e.id, float64(e.at.UnixMilli())/1000)
	}
	for i, s := range states {
		if i == 0 || s.state != states[i-1].state {
			fmt.Fprintf(&b, "{\"group\":%q,\"at\":%.3f}\n", s.state, float64(s.at.UnixMilli())/1000)
		}
	}
	require.NoError(c.t, os.WriteFile(filepath.Join(dir, "churn"+c.suffix+".log"), []byte(b.String()), 0o644))
}

// checkBalance checks that each chunk was run, and that each file is balanced.
func (c *churn) checkBalance(runs [][]workerEvent) {
	require.Len(c.t, c.master.out.lines(isBalanced(churnItems, 0)), c.files)
	ran, all := map[string]bool{}, 0
	for _, e := range slices.Concat(runs...) {
		if e.Event == "last" { // the worker may be killed before it prints more
			ran[messages.ResultName(e.BatchID)] = true
			all++
		}
	}
	for f := range c.files {
		for i := range churnItems / churnBatch {
			require.True(c.t, ran[messages.ChunkName{Base: "f" + strconv.Itoa(f), Index: i}.String()], "chunk %d of file %d was run", i, f)
		}
	}
	c.t.Logf("%d files, %d chunks done, %d complete runs: %d repeated, of which the master knows %d", c.files, len(ran), all, all-len(ran), c.repeats)
}

// checkOneAtATime checks that nothing was sent to a worker between the sending of a chunk
// that it ran and the end of that run.
func (c *churn) checkOneAtATime(runs [][]workerEvent, sent []sentChunk) {
	ends := map[string]time.Time{} // end of the first run by worker and batch id
	for _, e := range slices.Concat(runs...) {
		if e.Event == "last" || e.Event == "fail" {
			key := e.ID + " " + e.BatchID
			if at, ok := ends[key]; !ok || e.time().Before(at) {
				ends[key] = e.time()
			}
		}
	}
	open := map[string][]sentChunk{} // chunks by worker
	for _, s := range sent {
		for _, x := range open[s.worker] {
			end := ends[x.worker+" "+x.batchID]
			if x.batchID != s.batchID && end.After(s.at.Add(2*time.Millisecond)) { // the broker has times of whole milliseconds
				c.t.Errorf("%s was sent to %s at %s, %s before it ended %s, which was sent at %s", s.batchID, s.worker,
					clock(s.at), end.Sub(s.at), x.batchID, clock(x.at))
			}
		}
		open[s.worker] = append(open[s.worker], s)
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// checkTakenBack checks that chunks time out only at workers that were killed or suspended,
// or that failed a chunk without reporting it. Those of a worker that left are taken back as
// soon as the group is Stable.
func (c *churn) checkTakenBack(runs [][]workerEvent, sent []sentChunk, states []groupSample) {
	events := slices.Clone(c.events)
	for _, e := range slices.Concat(runs...) {
		if e.Event == "fail" {
			events = append(events, churnEvent{e.time(), e.ID, "fail"})
		}
	}
	counts := map[string]int{}
	for _, e := range events {
		counts["churn: "+e.what]++
	}
	for _, l := range c.master.out.lines(isTakenBack) {
		b := newTakenBack(c.t, l)
		cause, last := causeOf(events, runs, sent, b)
		counts[fmt.Sprintf("taken back: %s, after: %s", b.reason, cause)]++
		if !strings.HasPrefix(b.reason, "no ") || cause == "harm" {
			continue
		}
		if cause == "nothing" || strings.HasPrefix(b.reason, "no sign") && wasStable(states, last.Add(vanishedAfter), b.at.Add(-vanishedAfter)) {
			c.t.Errorf("%s: %s of %s was taken back: %s; the worker had before: %s", clock(b.at), b.batchID, b.workerID, b.reason, cause)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		c.t.Logf("%4d %s", counts[k], k)
	}
}

// vanishedAfter is the time after which the master must have noticed that a worker left,
// with a margin for slow machines.
const vanishedAfter = 4500 * time.Millisecond

// causeOf returns what happened to a worker between the assignment of the partition to which
// its chunk was sent and the time when the chunk was taken back: "harm" for an event that
// explains a time-out, "leave" with the time when it left, or "nothing".
func causeOf(events []churnEvent, runs [][]workerEvent, sent []sentChunk, b takenBack) (cause string, left time.Time) {
	var sentAt, since time.Time
	for _, s := range sent {
		if s.worker == b.workerID && s.at.Before(b.at) && (b.batchID == "" || b.batchID == s.batchID) {
			sentAt = s.at
		}
	}
	for _, e := range slices.Concat(runs...) {
		if e.Event == "assign" && e.ID == b.workerID && e.time().Before(sentAt) && e.time().After(since) {
			since = e.time()
		}
	}
	cause = "nothing"
	for _, e := range events {
		if e.id != b.workerID || e.what == "join" || e.at.After(b.at) || e.at.Before(since) {
			continue
		}
		if e.what != "leave" {
			return "harm", left
		}
		cause, left = "leave", e.at
	}
	return cause, left
}

// wasStable reports whether a sample between two times shows the group as Stable.
func wasStable(states []groupSample, from, to time.Time) bool {
	return slices.ContainsFunc(states, func(s groupSample) bool {
		return s.state == messages.GroupStable && s.at.After(from) && s.at.Before(to)
	})
}

// alwaysStable reports whether all samples between two times show the group as Stable.
func alwaysStable(states []groupSample, from, to time.Time) bool {
	at, _ := slices.BinarySearchFunc(states, from, func(s groupSample, t time.Time) int { return s.at.Compare(t) })
	for i := max(0, at-1); i < len(states); i++ {
		if states[i].state != messages.GroupStable {
			return false
		}
		if states[i].at.After(to) {
			break
		}
	}
	return true
}

// measure logs the times for which workers wait.
func (c *churn) measure(runs [][]workerEvent, sent []sentChunk, states []groupSample) {
	stable := func(from, to time.Time) bool { return alwaysStable(states, from, to) }
	var gaps, starts []time.Duration
	for _, run := range runs {
		for i := 1; i < len(run); i++ {
			from, to := run[i-1].time(), run[i].time()
			if run[i-1].Event == "end" && run[i].Event == "start" && stable(from, to) && !c.hadEvent(run[i].ID, from, to) {
				gaps = append(gaps, to.Sub(from))
			}
		}
	}
	at := map[string]time.Time{}
	for _, s := range sent {
		at[s.worker+" "+s.batchID] = s.at
	}
	for _, e := range slices.Concat(runs...) {
		s, ok := at[e.ID+" "+e.BatchID]
		if e.Event == "start" && ok && e.time().After(s) && stable(s, e.time()) && !c.hadEvent(e.ID, s, e.time()) {
			starts = append(starts, e.time().Sub(s))
		}
	}
	calm := 0
	for _, s := range states {
		if s.state == messages.GroupStable {
			calm++
		}
	}
	c.t.Logf("group Stable in %d of %d samples; %d messages in the chunk topic", calm, len(states), len(sent))
	c.t.Logf("from the end of a chunk to the next one while Stable: %s", quantiles(gaps))
	c.t.Logf("from the sending of a chunk to its start while Stable: %s", quantiles(starts))
}

func (c *churn) hadEvent(id string, from, to time.Time) bool {
	return slices.ContainsFunc(c.events, func(e churnEvent) bool { return e.id == id && e.at.After(from) && e.at.Before(to) })
}

func quantiles(d []time.Duration) string {
	if len(d) == 0 {
		return "none"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(time.Millisecond / 10) }
	return fmt.Sprintf("n %d, p50 %s, p90 %s, p99 %s, max %s", len(d), at(0.5), at(0.9), at(0.99), at(1))
}

// sent returns the messages in the chunk topic, ordered by time.
func (c *churn) sent() []sentChunk {
	topic := c.vars["KAFKA_TOPIC_NAME_MASTER"]
	bus, err := kafkabus.New(kafkabus.Config{Brokers: []string{c.vars["KAFKA_BROKER_ADDRESS"]}, ClientID: "churn"})
	require.NoError(c.t, err)
	defer bus.Close()
	first, end, err := bus.Offsets(c.t.Context(), topic)
	require.NoError(c.t, err)
	left := int64(0)
	for p := range end {
		left += end[p] - first[p]
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.vars["KAFKA_BROKER_ADDRESS"]), kgo.ConsumeTopics(topic))
	require.NoError(c.t, err)
	defer client.Close()
	var out []sentChunk
	for left > 0 {
		fetched := client.PollFetches(c.t.Context())
		require.NoError(c.t, fetched.Err0())
		fetched.EachRecord(func(r *kgo.Record) {
			left--
			var m struct{ ID, BatchID string }
			require.NoError(c.t, json.Unmarshal(r.Value, &m))
			out = append(out, sentChunk{r.Timestamp, m.ID, m.BatchID})
		})
	}
	slices.SortFunc(out, func(a, b sentChunk) int { return cmp.Compare(a.at.UnixMicro(), b.at.UnixMicro()) })
	return out
}
