package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

// workerEvent is a line that a classic worker of the tests prints.
type workerEvent struct {
	Event   string
	ID      string
	BatchID string
	At      float64 // seconds since 1970
}

func (e workerEvent) time() time.Time { return time.UnixMicro(int64(e.At * 1e6)) }

// logLine is a line of the master's log.
type logLine struct {
	Time     time.Time
	Msg      string
	WorkerID string `json:"worker_id"`
	BatchID  string `json:"batch_id"`
	Reason   string
	Items    int64
	Done     int64
	Dead     int64
}

// sentChunk is a chunk message as it lies in the topic.
type sentChunk struct {
	at      time.Time
	worker  string
	batchID string
}

// groupWatch notes the state of the workers' group again and again.
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

// check holds what the workers did against what the master says and sent.
func (c *churn) check(states []groupSample) {
	c.keep(states)
	log := jsonLines[logLine](c.master)
	var runs [][]workerEvent // of each process
	for _, p := range c.all {
		runs = append(runs, jsonLines[workerEvent](p))
	}
	sent := c.sent()
	c.checkBalance(log, runs)
	c.checkOneAtATime(runs, sent)
	c.checkTakenBack(log, runs, sent, states)
	c.measure(runs, sent, states)
}

// keep writes what everybody said into the folder CHURN_LOGS, if it is set.
func (c *churn) keep(states []groupSample) {
	dir := os.Getenv("CHURN_LOGS")
	if dir == "" {
		return
	}
	var b strings.Builder
	b.WriteString(c.master.out.text())
	for _, p := range c.all {
		b.WriteString(p.out.text())
	}
	for _, h := range c.harms {
		fmt.Fprintf(&b, "{\"churn\":%q,\"id\":%q,\"at\":%.3f}\n", h.what, h.id, float64(h.at.UnixMilli())/1000)
	}
	for i, s := range states {
		if i == 0 || s.state != states[i-1].state {
			fmt.Fprintf(&b, "{\"group\":%q,\"at\":%.3f}\n", s.state, float64(s.at.UnixMilli())/1000)
		}
	}
	require.NoError(c.t, os.WriteFile(filepath.Join(dir, "churn"+c.suffix+".log"), []byte(b.String()), 0o644))
}

// checkBalance makes sure that each chunk was really run, and that the books
// say so.
func (c *churn) checkBalance(log []logLine, runs [][]workerEvent) {
	for _, l := range log {
		if l.Msg == "input file ended" {
			require.Equal(c.t, [3]int64{churnItems, churnItems, 0}, [3]int64{l.Items, l.Done, l.Dead}, "items, done, dead")
		}
	}
	text := c.master.out.text()
	require.Equal(c.t, c.files, strings.Count(text, " 0 counted twice"), "a balance for each file, and nothing counted twice")
	ran, all := map[string]bool{}, 0
	for _, e := range slices.Concat(runs...) {
		if e.Event == "last" { // it may be killed before it says more
			ran[messages.ResultName(e.BatchID)] = true
			all++
		}
	}
	for f := range c.files {
		for i := range churnItems / churnBatch {
			require.True(c.t, ran[messages.ChunkName("f"+strconv.Itoa(f), i, 1)], "chunk %d of file %d was run", i, f)
		}
	}
	repeats := 0
	for _, m := range regexp.MustCompile(`counted twice, (\d+) repeated`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(c.t, err)
		repeats += n
	}
	c.t.Logf("%d files, %d chunks done, %d complete runs: %d repeated, of which the books know %d", c.files, len(ran), all, all-len(ran), repeats)
}

// checkOneAtATime makes sure that nothing was sent to a worker between the
// sending of a chunk that it ran and the end of that run.
func (c *churn) checkOneAtATime(runs [][]workerEvent, sent []sentChunk) {
	ends := map[string]time.Time{} // of the first run that ended, by worker and batch id
	for _, e := range slices.Concat(runs...) {
		if e.Event == "last" || e.Event == "fail" {
			key := e.ID + " " + e.BatchID
			if at, ok := ends[key]; !ok || e.time().Before(at) {
				ends[key] = e.time()
			}
		}
	}
	open := map[string][]sentChunk{} // by worker
	for _, s := range sent {
		for _, x := range open[s.worker] {
			end := ends[x.worker+" "+x.batchID]
			if x.batchID != s.batchID && end.After(s.at.Add(2*time.Millisecond)) { // the broker's times have whole milliseconds
				c.t.Errorf("%s was sent to %s at %s, %s before it ended %s, which was sent at %s", s.batchID, s.worker,
					clock(s.at), end.Sub(s.at), x.batchID, clock(x.at))
			}
		}
		open[s.worker] = append(open[s.worker], s)
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// checkTakenBack makes sure that chunks time out only at workers that were killed
// or stopped, or that failed a chunk without a word; those of a worker that left
// are taken back as soon as the group is Stable.
func (c *churn) checkTakenBack(log []logLine, runs [][]workerEvent, sent []sentChunk, states []groupSample) {
	harms := slices.Clone(c.harms)
	for _, e := range slices.Concat(runs...) {
		if e.Event == "fail" {
			harms = append(harms, harm{e.time(), e.ID, "fail"})
		}
	}
	counts := map[string]int{}
	for _, h := range harms {
		counts["churn: "+h.what]++
	}
	for _, l := range log {
		if l.Msg != "chunk taken back" && l.Msg != "chunks taken back" {
			continue
		}
		what, last := before(harms, runs, sent, l)
		counts[fmt.Sprintf("taken back: %s, after: %s", l.Reason, what)]++
		if !strings.HasPrefix(l.Reason, "no ") || what == "harm" {
			continue
		}
		if what == "nothing" || strings.HasPrefix(l.Reason, "no sign") && wasStable(states, last.Add(vanishedAfter), l.Time.Add(-vanishedAfter)) {
			c.t.Errorf("%s: %s of %s was taken back: %s; what was done to the worker before: %s", clock(l.Time), l.BatchID, l.WorkerID, l.Reason, what)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		c.t.Logf("%4d %s", counts[k], k)
	}
}

// vanishedAfter is when a worker that left must have been missed, with room for
// slow machines.
const vanishedAfter = 4500 * time.Millisecond

// before tells what was done to a worker before its chunk was taken back, since
// it got the partition that the chunk was sent to: "harm" that excuses a
// time-out, "leave", when it left last, or "nothing".
func before(harms []harm, runs [][]workerEvent, sent []sentChunk, l logLine) (what string, left time.Time) {
	var out, since time.Time
	for _, s := range sent {
		if s.worker == l.WorkerID && s.at.Before(l.Time) && (l.BatchID == "" || l.BatchID == s.batchID) {
			out = s.at
		}
	}
	for _, e := range slices.Concat(runs...) {
		if e.Event == "assign" && e.ID == l.WorkerID && e.time().Before(out) && e.time().After(since) {
			since = e.time()
		}
	}
	what = "nothing"
	for _, h := range harms {
		if h.id != l.WorkerID || h.what == "join" || h.at.After(l.Time) || h.at.Before(since) {
			continue
		}
		if h.what != "leave" {
			return "harm", left
		}
		what, left = "leave", h.at
	}
	return what, left
}

// wasStable reports whether the group was seen Stable between two times.
func wasStable(states []groupSample, from, to time.Time) bool {
	return slices.ContainsFunc(states, func(s groupSample) bool {
		return s.state == messages.GroupStable && s.at.After(from) && s.at.Before(to)
	})
}

// measure logs how long workers wait.
func (c *churn) measure(runs [][]workerEvent, sent []sentChunk, states []groupSample) {
	stable := func(from, to time.Time) bool {
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
	var gaps, starts []time.Duration
	for _, run := range runs {
		for i := 1; i < len(run); i++ {
			from, to := run[i-1].time(), run[i].time()
			if run[i-1].Event == "end" && run[i].Event == "start" && stable(from, to) && !c.harmed(run[i].ID, from, to) {
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
		if e.Event == "start" && ok && e.time().After(s) && stable(s, e.time()) && !c.harmed(e.ID, s, e.time()) {
			starts = append(starts, e.time().Sub(s))
		}
	}
	calm := 0
	for _, s := range states {
		if s.state == messages.GroupStable {
			calm++
		}
	}
	c.t.Logf("group Stable in %d of %d looks; %d messages in the chunk topic", calm, len(states), len(sent))
	c.t.Logf("from done to the next chunk while Stable: %s", quantiles(gaps))
	c.t.Logf("from a chunk's sending to its start while Stable: %s", quantiles(starts))
}

func (c *churn) harmed(id string, from, to time.Time) bool {
	return slices.ContainsFunc(c.harms, func(h harm) bool { return h.id == id && h.at.After(from) && h.at.Before(to) })
}

func quantiles(d []time.Duration) string {
	if len(d) == 0 {
		return "none seen"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(time.Millisecond / 10) }
	return fmt.Sprintf("n %d, p50 %s, p90 %s, p99 %s, max %s", len(d), at(0.5), at(0.9), at(0.99), at(1))
}

// sent reads all of the chunk topic, in the order of its times.
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
