package page

import (
	"context"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kafka-master/httpapi"
	"kafka-master/messages"
	"kafka-master/web"
)

const (
	crowdSize    = 1_000_000 // bytes of a file
	crowdFiles   = 10_000
	crowdWorkers = 1000
	crowdDead    = 50_000 // chunks of file 1 that are dead, but for a few
	crowdChunks  = 28_000 // chunks of file 2, of which every seventh is dead
)

// crowd answers the API as a leader with many files and workers. All of them change at once
// when it is told to move.
type crowd struct {
	mu      sync.Mutex
	moved   int
	err     error // answer to every question, if not nil
	all     []*messages.FileStatus
	team    []messages.WorkerStatus
	sum     messages.Overview
	began   time.Time
	letters []*messages.Letter
}

// Ask implements httpapi.Asker.
func (c *crowd) Ask(_ context.Context, q messages.Query) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	switch q := q.(type) {
	case messages.QueryOverview, messages.QueryHealth:
		return c.sum, nil
	case messages.QueryFiles:
		return c.all, nil
	case messages.QueryFile:
		if q.ID < 1 || q.ID > crowdFiles {
			return (*messages.FileStatus)(nil), nil
		}
		return c.all[q.ID-1], nil
	case messages.QueryWorkers:
		return c.team, nil
	case messages.QueryWorker:
		return c.worker(q.ID), nil
	case messages.QueryLetters:
		return c.letters, nil
	case messages.QueryChunks:
		return &messages.ChunkPage{}, nil
	case messages.QueryWaiting:
		return c.waiting(), nil
	case messages.QueryBatchSize:
		return 500, nil
	case messages.QueryLogLevel:
		return messages.LogLevel(messages.DefaultLogLevel), nil
	case messages.QueryTopics:
		return []messages.Topic{}, nil
	case messages.QueryAudit:
		return messages.Audit{}, nil
	case messages.QuerySeries:
		return c.series(q.Window), nil
	}
	return nil, fmt.Errorf("%w: %T", messages.ErrUnavailable, q)
}

func (c *crowd) move(string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved++
	c.show()
	return "", nil
}

// show makes the answers of now.
func (c *crowd) show() { c.all, c.team, c.sum = c.files(), c.workers(), c.overview() }

// fail makes every question have this answer.
func (c *crowd) fail(err error) func(string) (string, error) {
	return func(string) (string, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
		return "", nil
	}
}

// hostile are texts that would run as code if they became markup.
var hostile = []string{"<img src=x onerror=alert(1)>", `"><script>alert(1)</script>`, "';alert(1);//", "javascript:alert(1)", "{{7*7}}${7*7}", "a\u202etxt.exe", "line\nbreak", strings.Repeat("w", 255), "تقرير مرحبا.txt"}

func (c *crowd) overview() messages.Overview {
	o := messages.Overview{Role: "leader", Term: 1, Leader: messages.Leader{MasterID: hostile[0], API: "127.0.0.1:1"}}
	for _, f := range c.files() {
		o.Files.Add(*f, 1)
	}
	for _, w := range c.workers() {
		o.Workers[w.Kind][w.State]++
	}
	o.Settling = len(c.waiting())
	o.Problems = []messages.Problem{{Kind: messages.ProblemUnfitWorker, Part: "workers", Text: hostile[1], Since: c.began, Count: 1}}
	return o
}

func (c *crowd) files() []*messages.FileStatus {
	all := make([]*messages.FileStatus, crowdFiles)
	for i := range all {
		f := &messages.File{
			ID: messages.FileID(i + 1), Generation: 1, State: messages.FileRunning, Started: c.began,
			Info: messages.FileInfo{Path: fmt.Sprintf("file-%05d.txt", i+1), Size: crowdSize}, Cursor: messages.Cursor{Offset: crowdSize / 2},
			Items: 1000, DoneItems: int64(100 + c.moved), DoneChunks: 10,
		}
		if i >= crowdFiles-len(hostile) {
			f.Info.Path = hostile[i-crowdFiles+len(hostile)]
			f.State, f.Reason = messages.FileFailed, hostile[1]
		}
		all[i] = &messages.FileStatus{File: f, Ready: 2, Running: 1}
	}
	return all
}

func (c *crowd) workers() []messages.WorkerStatus {
	all := make([]messages.WorkerStatus, crowdWorkers)
	for i := range all {
		w := messages.WorkerStatus{ID: messages.WorkerID(fmt.Sprintf("w-%04d", i+1)), Kind: messages.Native, State: messages.WorkerBusy, Capacity: 1, Seen: c.began}
		w.Held = []messages.HeldChunk{{BatchID: fmt.Sprintf("file_chunk_%d", c.moved), Since: c.began, Began: c.began}}
		if i < len(hostile) {
			w.ID, w.Note, w.State = messages.WorkerID(fmt.Sprintf("%.*s", messages.MaxWorkerID, "0 "+hostile[i])), hostile[0], messages.WorkerAnnounced
		}
		all[i] = w
	}
	return all
}

// worker returns a worker with an attempt whose texts are long, nil if there is none.
func (c *crowd) worker(id messages.WorkerID) *messages.WorkerDetail {
	for _, w := range c.team {
		if w.ID == id {
			long := strings.Repeat("x", 255)
			return &messages.WorkerDetail{WorkerStatus: w, Attempts: []messages.WorkerAttempt{{Chunk: messages.ChunkID{File: 1}, Path: long, BatchID: long, Began: c.began, Ended: c.began, Items: 500, Failed: 14, Result: "done", Error: long}}}
		}
	}
	return nil
}

// waiting returns files that are not taken yet, more than are drawn at once.
func (c *crowd) waiting() []messages.WaitingFile {
	all := make([]messages.WaitingFile, 500)
	for i := range all {
		all[i] = messages.WaitingFile{Info: messages.FileInfo{Path: fmt.Sprintf("new-%03d.txt", i), Size: 1000, ModTime: c.began}, Since: c.began, Settled: i%2 > 0, Why: messages.Why{Reason: messages.WhySettling, Text: hostile[0]}}
	}
	for i, text := range hostile {
		all = append(all, messages.WaitingFile{Info: messages.FileInfo{Path: "new " + text}, Since: c.began.Add(time.Duration(i))})
	}
	return all
}

// dead returns a dead chunk.
func (c *crowd) dead(file messages.FileID, i int, text string) *messages.Letter {
	return &messages.Letter{Path: text, Generation: 1, Name: text, OpenChunk: messages.OpenChunk{
		Chunk: messages.Chunk{ID: messages.ChunkID{File: file, Index: i}, FirstLine: int64(10*i) + 1, Lines: 10, Items: 10, Offset: int64(i) * crowdSize / crowdChunks, Length: crowdSize / crowdChunks},
		State: messages.ChunkDead, Attempt: 3, Worker: messages.WorkerID(text), Reason: text, FirstItem: text, EndedAt: c.began,
	}}
}

// series returns a history with a gap in it.
func (c *crowd) series(w messages.SeriesWindow) *messages.Series {
	s := &messages.Series{Window: w, From: c.began.Add(-time.Duration(w.Cells()) * w.Step())}
	for n := range s.Values {
		for i := range w.Cells() {
			x := float64(i * (n + 1))
			if i%10 == 0 {
				x = math.NaN()
			}
			s.Values[n] = append(s.Values[n], x)
		}
	}
	return s
}

func newCrowd() *crowd {
	c := &crowd{began: time.Now()}
	for i, text := range hostile {
		c.letters = append(c.letters, c.dead(1, i, text))
	}
	for i := len(hostile); i < crowdDead; i++ {
		c.letters = append(c.letters, c.dead(1, i, fmt.Sprintf("exit status %d", i%3)))
	}
	for i := 0; i < crowdChunks/2; i += 7 {
		c.letters = append(c.letters, c.dead(2, i, "timed out"))
	}
	c.show()
	return c
}

// serve serves the page of a crowd.
func (c *crowd) serve(t *testing.T) (url string) {
	srv := httptest.NewServer(httpapi.New(httpapi.Config{Asker: c, Page: web.Files()}).Handler())
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// With 10,000 files and 1,000 workers only what is in sight is drawn, texts from outside stay
// texts, and the last picture stays while nobody leads.
func TestCrowd(t *testing.T) {
	needBrowser(t)
	c := newCrowd()
	script(t, "crowd.mjs", c.serve(t), steps{"move": c.move, "leaderless": c.fail(messages.ErrUnavailable), "lead": c.fail(nil)})
}

// A tab that nobody sees asks nothing.
func TestHidden(t *testing.T) {
	needBrowser(t)
	c := newCrowd()
	script(t, "hidden.mjs", c.serve(t), steps{"move": c.move})
}
