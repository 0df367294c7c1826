package proof

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// fixture is a file whose work is done: what a master and its workers leave.
type fixture struct {
	t     *testing.T
	dir   string // of the results
	input string // path
	books messages.Books
	begun time.Time
}

const fixtureDeployment = "J6QK2"

// newFixture writes an input of that text and begins its books.
func newFixture(t *testing.T, text string) *fixture {
	root := t.TempDir()
	f := &fixture{t: t, dir: filepath.Join(root, "ips.txt"), input: filepath.Join(root, "ips.input"), begun: time.Unix(1e9, 0).UTC()}
	require.NoError(t, os.WriteFile(f.input, []byte(text), 0o600))
	f.books = messages.Books{
		File: messages.File{
			ID: 1, Info: messages.FileInfo{Path: "ips.txt", Size: int64(len(text))}, Generation: 1, Base: "ips",
			Cursor: messages.Cursor{Line: 1}, State: messages.FileDone, Digested: true, Started: f.begun, Ended: f.begun.Add(time.Hour),
		},
		Deployment: fixtureDeployment,
	}
	f.books.Fingerprint = xxhash.Sum64String(text) // of a short file
	require.NoError(t, os.MkdirAll(filepath.Join(f.dir, manifestFolder), 0o700))
	return f
}

// done does a chunk: the next lines of the input.
func (f *fixture) done(index, half, lines int, failed ...int64) *line {
	c := f.cut(index, half, lines)
	f.books.DoneChunks++
	f.books.RecordedChunks++
	l := f.attempt(c, 1, fmt.Sprintf("w-%d", 1+index/3), failed...)
	f.books.DoneItems += int64(c.Items) - l.Failed
	f.books.FailedItems += l.Failed
	f.books.OutputLines += l.Lines
	f.books.Digest += digest(&entry{key: key{index, half, 0}, offset: c.Offset, length: c.Length, items: int64(c.Items), input: c.Hash})
	return l
}

// dead gives a chunk up.
func (f *fixture) dead(index, half, lines int) {
	c := f.cut(index, half, lines)
	f.books.DeadChunks++
	f.books.DeadItems += int64(c.Items)
	f.books.State = messages.FileDoneWithRejects
	f.books.Chunks = append(f.books.Chunks, messages.OpenChunk{Chunk: c, State: messages.ChunkDead, Reason: "it failed"})
}

// cut takes the next lines of the input.
func (f *fixture) cut(index, half, lines int) messages.Chunk {
	text, err := os.ReadFile(f.input)
	require.NoError(f.t, err)
	c := messages.Chunk{ID: messages.ChunkID{File: 1, Index: index, Half: half}, Offset: f.books.Cursor.Offset, FirstLine: f.books.Cursor.Line, Lines: int64(lines)}
	for rest := text[c.Offset:]; lines > 0; lines-- {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		if len(bytes.TrimSpace(rest[:end])) > 0 {
			c.Items++
		}
		c.Length += int64(end)
		rest = rest[end:]
	}
	c.Hash = xxhash.Sum64(text[c.Offset:c.End()])
	f.books.Items += int64(c.Items)
	f.books.Cursor = messages.Cursor{Offset: c.End(), Index: index + 1, Line: f.books.Cursor.Line + c.Lines}
	return c
}

// attempt writes what a worker leaves of an attempt whose result stands.
func (f *fixture) attempt(c messages.Chunk, attempt int, worker string, failed ...int64) *line {
	k := key{index: c.ID.Index, half: c.ID.Half, retry: c.ID.Retry}
	name := k.name("ips", f.books.Generation)
	var result, list strings.Builder
	for i := range c.Items - len(failed) {
		fmt.Fprintf(&result, `{"chunk":"%s","n":%d}`+"\n", name, i)
	}
	for _, n := range failed {
		fmt.Fprintf(&list, `{"line":%d,"item":"x","exit":1,"error":"it failed"}`+"\n", n)
	}
	l := line{
		BatchID: attemptName(name, attempt), Index: k.index, Half: k.half, Retry: k.retry, Attempt: attempt, Deployment: fixtureDeployment, Generation: f.books.Generation,
		Offset: c.Offset, Length: c.Length, FirstLine: c.FirstLine, Items: int64(c.Items), InputHash: hex(c.Hash), Failed: int64(len(failed)),
		Result: name + jsonl, Lines: int64(c.Items - len(failed)), Bytes: int64(result.Len()), Hash: hex(xxhash.Sum64String(result.String())),
		Worker: worker, Ended: f.begun.Add(time.Duration(c.ID.Index) * time.Second),
	}
	if k.retry > 0 && c.Lines == 0 {
		l.Positions = [][2]int{{0, c.Items - 1}}
	}
	f.write(name+jsonl, result.String())
	if len(failed) > 0 {
		l.ListHash = hex(xxhash.Sum64String(list.String()))
		f.write(name+failedSuffix, list.String())
	}
	f.append(l)
	return &l
}

func (f *fixture) write(name, text string) {
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600))
}

// append adds a line to the manifest of its worker.
func (f *fixture) append(l line) { f.appendText(l.Worker, signed(l)+"\n") }

func (f *fixture) appendText(worker, text string) {
	file, err := os.OpenFile(f.manifest(worker), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(f.t, err)
	_, err = file.WriteString(text)
	require.NoError(f.t, err)
	require.NoError(f.t, file.Close())
}

func (f *fixture) manifest(worker string) string {
	return filepath.Join(f.dir, manifestFolder, worker+jsonl)
}

// signed is a manifest line with its sum.
func signed(l line) string {
	l.Sum = ""
	b, _ := json.Marshal(l)
	head := strings.TrimSuffix(string(b), `,"sum":""}`)
	return fmt.Sprintf(`%s,"sum":"%016x"}`, head, xxhash.Sum64String(head))
}

func hex(n uint64) string { return fmt.Sprintf("%016x", n) }

func (f *fixture) check() Report {
	r, err := Check(context.Background(), Case{Books: f.books, Results: f.dir, Open: f.openInput})
	require.NoError(f.t, err)
	return r
}

// lineOf is a line of the first worker's manifest.
func (f *fixture) lineOf(n int) string {
	text, err := os.ReadFile(f.manifest("w-1"))
	require.NoError(f.t, err)
	return strings.SplitAfter(string(text), "\n")[n]
}

func (f *fixture) parsed(n int) (l line) {
	require.NoError(f.t, json.Unmarshal([]byte(f.lineOf(n)), &l))
	return l
}

// retry does failed items of a chunk again, of which some fail again.
func (f *fixture) retry(index, round, items int, failed ...int64) {
	text, err := os.ReadFile(f.manifest(fmt.Sprintf("w-%d", 1+index/3)))
	require.NoError(f.t, err)
	var of line
	for l := range strings.Lines(string(text)) {
		var x line
		require.NoError(f.t, json.Unmarshal([]byte(l), &x))
		if x.Index == index && x.Retry == 0 {
			of = x
		}
	}
	var hash uint64
	_, err = fmt.Sscanf(of.InputHash, "%x", &hash)
	require.NoError(f.t, err)
	c := messages.Chunk{ID: messages.ChunkID{File: 1, Index: index, Half: of.Half, Retry: round}, Offset: of.Offset, Length: of.Length, FirstLine: of.FirstLine, Items: items, Hash: hash}
	if int64(items) == of.Items {
		c.Lines = of.Items // it is one of the whole chunk, and has no positions
	}
	l := f.attempt(c, 1, "w-1", failed...)
	f.books.OutputLines += l.Lines
	f.books.DoneItems += l.Lines
	f.books.FailedItems -= l.Lines
}

func (f *fixture) read(name string) string {
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	require.NoError(f.t, err)
	return string(text)
}

// openInput opens the input of the fixture.
func (f *fixture) openInput(context.Context) (io.ReadCloser, error) { return os.Open(f.input) }

// merge merges the results of done chunks and their retries, as the manifests name them.
func (f *fixture) merge(change ...func(*summary)) {
	var order []line
	manifests, err := filepath.Glob(filepath.Join(f.dir, manifestFolder, "*"))
	require.NoError(f.t, err)
	for _, m := range manifests {
		text, err := os.ReadFile(m)
		require.NoError(f.t, err)
		for l := range strings.Lines(string(text)) {
			var x line
			require.NoError(f.t, json.Unmarshal([]byte(l), &x))
			order = append(order, x)
		}
	}
	slices.SortFunc(order, func(a, b line) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Retry, b.Retry)) })
	var result, list, items strings.Builder
	for i, l := range order {
		text := f.read(l.Result)
		if result.WriteString(text); text != "" && !strings.HasSuffix(text, "\n") {
			result.WriteByte('\n')
		}
		if l.Failed == 0 || i+1 < len(order) && order[i+1].Offset == l.Offset {
			continue
		}
		list.WriteString(f.read(strings.TrimSuffix(l.Result, jsonl) + failedSuffix))
		items.WriteString(strings.Repeat("x\n", int(l.Failed)))
	}
	b, digest := f.books, hex(f.books.Digest)
	s := summary{
		File: b.Info.Path, Generation: b.Generation, State: b.State.String(), Deployment: b.Deployment, Size: b.Info.Size, Started: &b.Started, Ended: &b.Ended,
		Items: summaryItems{b.Items, b.DoneItems, b.FailedItems, b.DeadItems, b.Missing(), b.CancelledItems}, Chunks: summaryChunks{b.DoneChunks, b.DeadChunks, b.DoneChunks}, Digest: &digest,
		Result: f.putMerged(jsonl, result.String()), List: f.putMerged(failedSuffix, list.String()), Lines: f.putMerged(failedLines, items.String()),
	}
	for _, c := range change {
		c(&s)
	}
	f.putSummary(s)
}

// putMerged writes a merged file, unless it is empty.
func (f *fixture) putMerged(end, text string) *mergedFile {
	if text == "" {
		return nil
	}
	require.NoError(f.t, os.WriteFile(f.dir+end, []byte(text), 0o600))
	return &mergedFile{Name: filepath.Base(f.dir) + end, Lines: int64(strings.Count(text, "\n")), Bytes: int64(len(text)), Hash: hex(xxhash.Sum64String(text))}
}

func (f *fixture) putSummary(s summary) {
	text, err := json.MarshalIndent(s, "", "  ")
	require.NoError(f.t, err)
	head := strings.TrimSuffix(string(text), ",\n  \"sum\": \"\"\n}")
	require.NoError(f.t, os.WriteFile(f.dir+".summary.json", fmt.Appendf(nil, "%s,\n  \"sum\": \"%016x\"\n}\n", head, xxhash.Sum64String(head)), 0o600))
}

// requireFound checks that the check fails and names just the lines of the damage.
func (f *fixture) requireFound(d damage) {
	f.t.Helper()
	r := f.check()
	require.Equal(f.t, Fails, r.Verdict)
	require.True(f.t, slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.FirstLine == d.first && x.LastLine == d.last }), "%+v", r.Findings)
}
