package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// started is a worker that runs in the synctest bubble of a test.
type started struct {
	*fakeBus
	t    *testing.T
	log  *bytes.Buffer
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, b *fakeBus, h Handler, change ...func(*Config)) *started {
	t.Helper()
	log := &bytes.Buffer{}
	cfg := Config{ID: self, Brokers: []string{"fake:1"}, Version: "1.0",
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &started{fakeBus: b, t: t, log: log, stop: stop, done: make(chan error, 1)}
	members := append(companions(t), Member{ID: cfg.ID, Partition: cfg.Partition})
	go func() { w.done <- run(ctx, cfg.withDefaults(), members, b, h) }()
	return w
}

// amongOthers is the suffix of the names of tests whose worker shares its process.
const amongOthers = "among others"

// companions returns the idle workers that share the process with the worker of the
// test. They read all partitions of a small topic.
func companions(t *testing.T) (all []Member) {
	if !strings.HasSuffix(t.Name(), strings.ReplaceAll(amongOthers, " ", "_")) {
		return nil
	}
	for i := range 20 {
		all = append(all, Member{ID: fmt.Sprint("other-", i)})
	}
	return all
}

func isCompanion(key []byte) bool { return bytes.HasPrefix(key, []byte("other-")) }

// end stops the worker and waits for its end.
func (w *started) end() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Fatalf("Run: %v", err)
	}
}

func head(batch string) messages.ChunkHeader {
	return messages.ChunkHeader{BatchID: batch, Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 1}
}

func ok(context.Context, Chunk, func(int)) error { return nil }

func jsonOf(t *testing.T, s sent) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(s.raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// pass lets virtual time pass and waits until nothing more happens.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
