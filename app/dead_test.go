package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/httpapi"
	"kafka-master/messages"
)

// deadMaster is a master with dead chunks. It looks at no more than 400 of them in one
// request, and refuses every hundredth.
type deadMaster struct {
	mu      sync.Mutex
	letters []*messages.Letter
	asked   int
}

func newDeadMaster(n int) *deadMaster {
	m := &deadMaster{}
	for i := range n {
		m.letters = append(m.letters, &messages.Letter{
			Path: fmt.Sprintf("f%d.txt", 1+i/1000), Generation: 1, Name: fmt.Sprintf("f_chunk_%d", i),
			OpenChunk: messages.OpenChunk{
				Chunk: messages.Chunk{ID: messages.ChunkID{File: messages.FileID(1 + i/1000), Index: i}, FirstLine: int64(1 + 500*i), Lines: 500, Items: 2},
				State: messages.ChunkDead, Attempt: 3, Worker: "w1", Reason: fmt.Sprintf("exit status %d\n\x1b[31mline two", i%2), FirstItem: "10.0.0.1",
				EndedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
			},
		})
	}
	return m
}

// Ask implements httpapi.Asker.
func (m *deadMaster) Ask(_ context.Context, q messages.Query) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch q := q.(type) {
	case messages.QueryLetters:
		return slices.Clone(m.letters), nil
	case messages.RetryLetters:
		return m.change(q.Letters), nil
	case messages.DiscardLetters:
		return m.change(q.Letters), nil
	}
	return nil, messages.ErrUnavailable
}

func (m *deadMaster) change(list []*messages.Letter) messages.LettersChanged {
	m.asked++
	out := messages.LettersChanged{Reached: min(400, len(list))}
	for _, x := range list[:out.Reached] {
		if x.ID.Index%100 == 99 {
			out.Refused = append(out.Refused, messages.Refusal{ID: x.ID, Reason: "it left the folder"})
			continue
		}
		out.Accepted++
		out.Items += x.Concerned()
		m.letters = slices.DeleteFunc(m.letters, func(y *messages.Letter) bool { return x == y })
	}
	return out
}

// runDead runs a command against a master with that many dead chunks.
func runDead(t *testing.T, n int, args ...string) (m *deadMaster, code int, stdout, stderr string) {
	t.Helper()
	m = newDeadMaster(n)
	srv := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m, Token: "t0ken"}).Handler())
	defer srv.Close()
	var out, errs bytes.Buffer
	env := func(name string) (string, bool) {
		if name == "API_TOKEN" {
			return "t0ken", true
		}
		return "", false
	}
	code = Run(t.Context(), append(append([]string{"dead"}, args...), "--api", strings.TrimPrefix(srv.URL, "http://")), env, &out, &errs)
	return m, code, out.String(), errs.String()
}

func TestDeadList(t *testing.T) {
	t.Parallel()
	_, code, out, _ := runDead(t, 2500, "ls", "--limit", "1500", "-o", "json")
	require.Equal(t, ExitOK, code)
	var p deadPage
	require.NoError(t, json.Unmarshal([]byte(out), &p))
	require.Len(t, p.Chunks, 1500, "several pages are one list")
	require.Equal(t, "2/1499", p.Chunks[1499].ID)
	require.Equal(t, 2500, p.Total)

	_, code, out, _ = runDead(t, 3, "ls")
	require.Equal(t, ExitOK, code)
	require.Contains(t, strings.Join(strings.Fields(out), " "), "1/1 f1.txt 501-1000 2 3 w1 20")
	require.Contains(t, out, "3 chunks, 6 items dead.")
	require.Contains(t, out, "3 × exit status #")
	require.NotContains(t, out, "\x1b")
	for _, same := range [][]string{{}, {"list"}} {
		_, code, other, _ := runDead(t, 3, same...)
		require.Equal(t, ExitOK, code)
		require.Equal(t, out, other)
	}
	_, _, out, _ = runDead(t, 3, "--error", "STATUS 1")
	require.Contains(t, out, "1 chunk, 2 items dead.")
	_, _, out, _ = runDead(t, 3, "ls", "--error", "STATUS 1")
	require.Contains(t, out, "1 chunk, 2 items dead.")
	_, _, out, _ = runDead(t, 3, "ls", "--file", "other.txt")
	require.Equal(t, "No dead chunk matches.\n", out)
}

// The list of failed items counts these, and not all items of their chunks.
func TestFailedList(t *testing.T) {
	t.Parallel()
	m := newDeadMaster(3)
	m.letters[1].State, m.letters[1].FailedItems, m.letters[1].Reason = messages.ChunkDoneWithFailed, 1, ""
	srv := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m}).Handler())
	defer srv.Close()
	run := func(args ...string) string {
		var out, errs bytes.Buffer
		require.Equal(t, ExitOK, Run(t.Context(), append(args, "--api", srv.URL), func(string) (string, bool) { return "", false }, &out, &errs), errs.String())
		return out.String()
	}
	list := run("failed", "ls")
	require.Contains(t, strings.Join(strings.Fields(list), " "), "1/1 f1.txt 501-1000 1 3 w1 20")
	require.Contains(t, list, "1 chunk, 1 item failed.\n")
	require.NotContains(t, list, "10.0.0.1")
	require.Contains(t, run("failed", "show", "1/1"), "1 of 2 failed")
	require.Contains(t, run("dead", "ls"), "2 chunks, 4 items dead.\n")
	require.Equal(t, "1 chunk run again (1 item).\n", run("failed", "retry", "--all"))
	require.Equal(t, "No chunk with failed items matches.\n", run("failed", "ls"))
	require.Equal(t, "2 chunks discarded (4 items).\n", run("dead", "discard", "--all", "-y"))
}

func TestDeadShow(t *testing.T) {
	t.Parallel()
	_, code, out, _ := runDead(t, 3, "show", "1/2")
	require.Equal(t, ExitOK, code)
	require.NotContains(t, out, "failed")
	for _, fact := range []string{"f_chunk_2", "1001-1500", "10.0.0.1", "error\n  exit status 0\n  ?[31mline two\n"} {
		require.Contains(t, out, fact)
	}
	_, code, _, stderr := runDead(t, 3, "show", "1/7")
	require.Equal(t, ExitCannot, code)
	require.Contains(t, stderr, "404")
}

// A change of many chunks takes several requests, each of which is bounded, and reports all
// that was refused.
func TestDeadRetry(t *testing.T) {
	t.Parallel()
	for verb, done := range map[string]string{"retry": "run again", "discard": "discarded"} {
		m, code, out, stderr := runDead(t, 2500, verb, "--all", "--yes")
		require.Equal(t, ExitCannot, code)
		require.Contains(t, out, "2,475 chunks "+done+" (4,950 items).")
		require.Equal(t, 25, strings.Count(out, "refused: it left the folder\n"))
		require.Contains(t, stderr, "25 refused")
		require.Len(t, m.letters, 25)
		require.Equal(t, 7, m.asked)
	}
	m, code, out, _ := runDead(t, 5, "retry", "1/3", "-o", "json")
	require.Equal(t, ExitOK, code)
	require.JSONEq(t, `{"matched":1,"accepted":1,"items":2,"refused":[]}`, out)
	require.Len(t, m.letters, 4)
	_, code, out, _ = runDead(t, 5, "retry", "1/3", "9/9", "1/3", "--yes")
	require.Equal(t, ExitCannot, code)
	require.Contains(t, out, "9/9  refused: no dead chunk has this id\n1 chunk run again (2 items).\n")
	_, code, out, _ = runDead(t, 5, "retry", "--error", "none")
	require.Equal(t, ExitOK, code)
	require.Equal(t, "No dead chunk matches.\n", out)
	_, code, out, _ = runDead(t, 2500, "discard", "--file", "f3.txt", "--error", "status 0", "-y")
	require.Equal(t, ExitOK, code, out)
	require.Contains(t, out, "250 chunks discarded (500 items).")
	var ids []string
	for i := range 2500 {
		ids = append(ids, fmt.Sprintf("%d/%d", 1+i/1000, i))
	}
	m, _, out, _ = runDead(t, 2500, append([]string{"retry", "--yes"}, ids...)...)
	require.Contains(t, out, "2,475 chunks run again")
	require.Len(t, m.letters, 25)
}

func TestDeadAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{"y\n": nil, "YES\n": nil, "yes": nil, "n\n": errDeclined, "\n": errDeclined, "": errUsage, "yy\n": errDeclined} {
		var errs bytes.Buffer
		x := &deadChange{deadCommand: &deadCommand{remote: &remote{command: command{stderr: &errs, stdin: strings.NewReader(answer)}}, kind: deadChunks}, verb: "retry"}
		require.ErrorIs(t, x.confirm(x.question(1200, 2400)), want, answer)
		require.Contains(t, errs.String(), "Retry 1,200 chunks (2,400 items dead)? [y/N] ")
	}
}

func TestDeadUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nope"}, {"--limit", "0"}, {"ls", "x"}, {"ls", "--limit", "0"}, {"ls", "-o", "yaml"}, {"show"}, {"show", "1/2", "1/3"}, {"show", "x"}, {"show", "../files/1"},
		{"retry"}, {"retry", "1/2", "--all"}, {"retry", "--all", "--file", "a"}, {"retry", "x"}, {"discard"}, {"ls", "--api", "nohost"},
	} {
		m, code, _, stderr := runDead(t, 3, args...)
		if len(args) > 1 && args[1] == "--api" {
			continue // the address of the test is the last one that is given
		}
		require.Equal(t, ExitUsage, code, "%v: %s", args, stderr)
		require.Zero(t, m.asked)
	}
}

// Whoever calls a master that does not answer, or does not lead and knows no leader, can
// tell it from an error.
func TestDeadMasterIsAway(t *testing.T) {
	t.Parallel()
	none := func(string) (string, bool) { return "", false }
	closed := httptest.NewServer(nil)
	closed.Close()
	standby := httptest.NewServer(httpapi.New(httpapi.Config{Asker: &unavailableMaster{}}).Handler())
	defer standby.Close()
	for _, url := range []string{closed.URL, standby.URL} {
		var out, errs bytes.Buffer
		require.Equal(t, ExitUnreachable, Run(t.Context(), []string{"dead", "ls", "--api", strings.TrimPrefix(url, "http://")}, none, &out, &errs), errs.String())
	}
	guarded := httptest.NewServer(httpapi.New(httpapi.Config{Asker: &unavailableMaster{}, Token: "other"}).Handler())
	defer guarded.Close()
	var out, errs bytes.Buffer
	require.Equal(t, ExitCannot, Run(t.Context(), []string{"dead", "ls", "--api", guarded.URL}, none, &out, &errs))
	require.Contains(t, errs.String(), "API_TOKEN")
	require.Equal(t, ExitUsage, Run(t.Context(), []string{"dead", "ls", "--api", "nohost"}, none, &out, &errs))
}

// unavailableMaster answers no question.
type unavailableMaster struct{}

// Ask implements httpapi.Asker.
func (*unavailableMaster) Ask(context.Context, messages.Query) (any, error) {
	return nil, messages.ErrUnavailable
}
