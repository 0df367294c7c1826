package console

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestConclusions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*messages.File)
		head   string
		want   string
	}{
		{"OK", func(*messages.File) {}, "done", "By the books every item was done exactly once"},
		{"Repeats", func(f *messages.File) { f.Repeats = 1 }, "done", "1 repeated run (counted once)"},
		{"Dead", func(f *messages.File) {
			f.State, f.DoneItems, f.DeadItems, f.DoneChunks, f.DeadChunks = messages.FileDoneWithRejects, 400, 600, 1, 1
		}, "done with rejects", "Every item is accounted for, 600 dead"},
		{"FailedItems", func(f *messages.File) { f.State, f.DoneItems, f.FailedItems = messages.FileDoneWithRejects, 997, 3 }, "done with rejects", "Every item is accounted for, 3 failed"},
		{"FailedItemsAndBalance", func(f *messages.File) { f.State, f.DoneItems, f.FailedItems = messages.FileDoneWithRejects, 997, 3 }, "done with rejects", "1,000 cut = 997 done + 3 failed + 0 dead + 0 missing"},
		{"FailedAndDead", func(f *messages.File) {
			f.State, f.DoneItems, f.FailedItems, f.DeadItems, f.DoneChunks, f.DeadChunks = messages.FileDoneWithRejects, 390, 10, 600, 1, 1
		}, "done with rejects", "Every item is accounted for, 10 failed and 600 dead"},
		{"TooLarge", func(f *messages.File) { f.State, f.DeadChunks, f.Cursor.Index = messages.FileDoneWithRejects, 1, 3 }, "done with rejects", "accounted for, 0 dead"},
		{"Missing", func(f *messages.File) { f.DoneItems = 999 }, "done", "THE NUMBERS DO NOT ADD UP"},
		{"Duplicates", func(f *messages.File) { f.Duplicates = 1 }, "done", "THE NUMBERS DO NOT ADD UP"},
		{"MissingChunk", func(f *messages.File) { f.DoneChunks = 1 }, "done", "THE NUMBERS DO NOT ADD UP"},
		{"Incomplete", func(f *messages.File) { f.State, f.DoneItems, f.Reason = messages.FileFailed, 700, "records are gone" }, "failed", "THE NUMBERS DO NOT ADD UP: records are gone"},
		{"Changed", func(f *messages.File) { f.State, f.DeadBytes, f.Reason = messages.FileChanged, 2_500_000, "truncated" }, "changed", "2.5 MB were not read: truncated"},
		{"Cancelled", func(f *messages.File) {
			f.State, f.DoneItems, f.CancelledItems, f.CancelledBytes, f.DoneChunks, f.CancelledChunks, f.Reason = messages.FileCancelled, 400, 600, 2_500_000, 1, 1, "cancelled by api"
		}, "cancelled", "The file was cancelled, 2.5 MB of it were not cut: cancelled by api"},
		{"CancelledItems", func(f *messages.File) {
			f.State, f.DoneItems, f.CancelledItems, f.DoneChunks, f.CancelledChunks = messages.FileCancelled, 400, 600, 1, 1
		}, "cancelled", "1,000 cut = 400 done + 0 failed + 0 dead + 600 cancelled + 0 missing"},
		{"Failed", func(f *messages.File) { f.State, f.Reason = messages.FileFailed, "no rights" }, "failed", "could not be processed: no rights"},
		{"Empty", func(f *messages.File) { f.Items, f.DoneItems, f.DoneChunks, f.Cursor.Index = 0, 0, 0, 0 }, "done", "The file has no items"},
	} {
		f := *file(1, messages.FileDone, 1000).File
		c.change(&f)
		got := Balance(f, "res/ips.txt", "")
		require.True(t, strings.HasPrefix(got, "==== ips.txt: "+c.head+" ====\n"), got)
		require.Contains(t, got, c.want, c.name)
		require.Equal(t, f.DoneChunks > 0, strings.Contains(got, "res/ips.txt"))
	}
	f := *file(1, messages.FileDone, 1000).File
	require.Contains(t, Balance(f, "", "Every item was done exactly once; checked"), "once; checked")
	f.Ended = f.Started
	require.Contains(t, Balance(f, "", ""), "0.0 s\n")
	require.NotContains(t, Balance(f, "", ""), "results")
	f.Started = time.Time{}
	require.NotContains(t, Balance(f, "", ""), "time")
}

func TestLeft(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Nothing is left to do.", Left(*leader(file(1, messages.FileDone, 1000))))
	f := file(1, messages.FileRunning, 400)
	f.Cursor.Offset, f.Ready = 4000, 2
	require.Equal(t, "Left to do: 1 file in work (600 items in 1 chunk at workers and 2 waiting, 6.0 kB not cut yet), 3 files not started. The next start continues from here.",
		Left(messages.Overview{Working: []messages.FileStatus{f}, Settling: 3}))
	require.Equal(t, "Left to do: 1 file not started. The next start continues from here.", Left(messages.Overview{Settling: 1}))
}

func TestBanner(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, Banner{
		Version: "1.0", Broker: "127.0.0.1:9092", BrokerData: "data/broker", StateData: "data/state",
		Input: "input_ip_data", Results: "data/results", API: "http://127.0.0.1:3001", Workers: 4,
	}.Write(&b))
	require.Equal(t, `Kafka Master 1.0
  page     http://127.0.0.1:3001/
  broker   embedded, on 127.0.0.1:9092, data in data/broker
  state    embedded, in data/state
  input    input_ip_data
  results  data/results
  workers  4 in this process
  API      http://127.0.0.1:3001/api/v1/overview
  stop     Ctrl-C; the next start continues where this one stopped

`, b.String())
	b.Reset()
	require.NoError(t, Banner{Version: "1.0", Broker: "k1:9092", WorkerCommand: "kafka-master worker"}.Write(&b))
	require.Contains(t, b.String(), "broker   k1:9092\n  state    Redis\n  workers  none in this process; start them with: kafka-master worker\n  stop")
	require.ErrorIs(t, Banner{}.Write(&closed{}), errClosed)
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{-1: "0 B", 0: "0 B", 999: "999 B", 1000: "1.0 kB", 2_000_000_000: "2.0 GB", 5e15: "5.0 PB"} {
		require.Equal(t, want, size(n))
	}
	require.Zero(t, rate(5, 0))
	require.Equal(t, 99, percent(file(1, messages.FileRunning, 1000)))
}

func TestUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 14, 20, 0, 0, time.Local)
	for after, want := range map[time.Duration]string{
		-time.Hour: "now", 900 * time.Millisecond: "now", 45 * time.Second: "45 s, 14:20",
		12*time.Minute + 20*time.Second: "12 min, 14:32", 59*time.Minute + 59600*time.Millisecond: "1 h 00 min, 15:19",
		3*time.Hour + 20*time.Minute: "3 h 20 min, 17:40", 20 * time.Hour: "20 h 00 min, Fri 10:20",
		72 * time.Hour: "3 days, Sun 14:20", 240 * time.Hour: "10 days, 6 Dec 2026",
	} {
		require.Equal(t, want, Until(now.Add(after), now), after)
	}
	for items, want := range map[float64]string{0: "0.0 items/s", 0.0421: "0.042 items/s", 3.14: "3.1 items/s", 9.97: "10 items/s", 4811.6: "4,812 items/s"} {
		require.Equal(t, want, PerSecond(items))
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	require.False(t, IsTerminal(&bytes.Buffer{}))
	f, err := os.Create(t.TempDir() + "/x")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, IsTerminal(f))
}
