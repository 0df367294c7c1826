package results

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// openRoot returns the results folder of a test, with the folder of the file a.txt.
func openRoot(t *testing.T) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	require.NoError(t, root.Mkdir("a.txt", 0o755))
	return root
}

func sample(index int) Line {
	zero := 0
	return Line{
		BatchID: fmt.Sprintf("a_chunk_%d", index), Index: index, Attempt: 1, Deployment: "J6QK2", Generation: 1,
		Offset: int64(index) * 10, Length: 10, FirstLine: int64(index)*5 + 1, Items: 5, InputHash: Hash(uint64(index)), Failed: 2,
		FailedItems: [][2]int{{0, 1}}, Result: fmt.Sprintf("a_chunk_%d.jsonl", index), Lines: 3, Bytes: 6, Hash: Hash(xxhash.Sum64String("a\nb\nc\n")),
		Worker: "w-1}", Started: "2026-11-26T06:00:00.000Z", Ended: "2026-11-26T06:00:01.000Z", Exit: &zero,
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	l := sample(7)
	text := l.Encode()
	got, whole, err := ParseLine(text)
	require.True(t, whole)
	require.NoError(t, err)
	require.Equal(t, l, got)
	for n := range len(text) - 1 {
		_, whole, err := ParseLine(text[:n])
		require.Falsef(t, whole || err != nil, "cut off after %d bytes: %s", n, text[:n])
	}
	for n := range len(text) - 2 { // without the brace, which would make it a line that was cut off
		bad := bytes.Clone(text)
		bad[n] ^= 1
		_, _, err := ParseLine(bad)
		require.ErrorIsf(t, err, ErrDamaged, "byte %d: %s", n, bad)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(sample(1).Encode())
	f.Add([]byte(`{"sum":"0123456789abcdef"}`))
	f.Add([]byte(`,"sum":"ef46db3751d8e999"}`)) // the sum of nothing
	f.Fuzz(func(t *testing.T, text []byte) {
		if l, whole, err := ParseLine(text); whole && err == nil {
			again, _, err := ParseLine(l.Encode())
			require.NoError(t, err)
			require.Equal(t, l, again)
		}
	})
}

// linesOf reads all manifests of a.txt.
func linesOf(t *testing.T, root *os.Root) (lines []Line, damaged int) {
	t.Helper()
	names, err := Manifests(root.FS(), "a.txt")
	require.NoError(t, err)
	for _, name := range names {
		_, err := ReadManifest(root.FS(), name, 0, func(_ At, l Line, damage error) error {
			if damage != nil {
				require.ErrorIs(t, damage, ErrDamaged)
				damaged++
				return nil
			}
			lines = append(lines, l)
			return nil
		})
		require.NoError(t, err)
	}
	return lines, damaged
}

func TestAppendAfterACrash(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	require.NoError(t, new(Journal).Append(root, "a.txt", sample(0)))
	name := filepath.Join(root.Name(), "a.txt", ManifestFolder, "w-1}"+Suffix)
	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	half := sample(1).Encode()
	require.NoError(t, os.WriteFile(name, append(whole, half[:len(half)/2]...), 0o644))
	lines, damaged := linesOf(t, root)
	require.Equal(t, []Line{sample(0)}, lines)
	require.Zero(t, damaged)

	require.NoError(t, new(Journal).Append(root, "a.txt", sample(2)))
	lines, damaged = linesOf(t, root)
	require.Equal(t, []Line{sample(0), sample(2)}, lines)
	require.Zero(t, damaged)
}

func TestDamagedAndLongLines(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	require.NoError(t, root.Mkdir("a.txt/"+ManifestFolder, 0o755))
	text := bytes.Replace(sample(0).Encode(), []byte("J6QK2"), []byte("J6QK3"), 1)
	text = append(text, strings.Repeat("x", 3*maxLine)+"\n"...)
	text = append(text, sample(1).Encode()...)
	require.NoError(t, root.WriteFile("a.txt/"+ManifestFolder+"/w.jsonl", text, 0o644))
	lines, damaged := linesOf(t, root)
	require.Equal(t, []Line{sample(1)}, lines)
	require.Equal(t, 2, damaged)
}

// Workers of one process share a manifest, its writes and its syncs.
func TestAppendTogether(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	var j Journal
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			l := sample(i)
			l.Worker = fmt.Sprint("w-", i%4)
			if err := j.Append(root, "a.txt", l); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	lines, _ := linesOf(t, root)
	seen := map[int]bool{}
	for _, l := range lines {
		seen[l.Index] = true
	}
	require.Len(t, seen, 64)
	names, err := Manifests(root.FS(), "a.txt")
	require.NoError(t, err)
	require.Len(t, names, 1)
	require.Empty(t, j.appends.keys)
}

func TestGroup(t *testing.T) {
	t.Parallel()
	var g group
	running, goOn := make(chan struct{}), make(chan struct{})
	failure := errors.New("disk")
	var runs [][]string
	do := func(text string) error {
		return g.do("k", []byte(text), func(all [][]byte) error {
			var texts []string
			for _, p := range all {
				texts = append(texts, string(p))
			}
			runs = append(runs, texts)
			if len(runs) == 1 {
				close(running)
				<-goOn
				return nil
			}
			return failure
		})
	}
	first := make(chan error)
	go func() { first <- do("a") }()
	<-running
	later := make(chan error)
	for i := range 3 {
		go func() { later <- do(fmt.Sprint(i)) }()
	}
	for joined := 0; joined < 3; runtime.Gosched() { // calls during a run wait for the next one
		g.mu.Lock()
		if next := g.keys["k"].next; next != nil {
			joined = len(next.payloads)
		}
		g.mu.Unlock()
	}
	close(goOn)
	require.NoError(t, <-first)
	for range 3 {
		require.ErrorIs(t, <-later, failure)
	}
	require.Len(t, runs, 2)
	require.Len(t, runs[1], 3)
}

func TestStanding(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	var j Journal
	l := sample(0)
	standing := func() bool {
		t.Helper()
		got, ok, err := j.Standing(root, "a.txt", l)
		require.NoError(t, err)
		if ok {
			require.Equal(t, l, got)
		}
		return ok
	}
	require.False(t, standing())
	require.NoError(t, root.WriteFile("a.txt/a_chunk_0.jsonl", []byte("a\nb\nc\n"), 0o644))
	require.False(t, standing(), "a result without a line")
	other := l
	other.Deployment = "other"
	require.NoError(t, j.Append(root, "a.txt", other))
	require.False(t, standing(), "a result of another state")
	other = l
	other.InputHash = Hash(99)
	require.NoError(t, j.Append(root, "a.txt", other))
	require.False(t, standing(), "a result of other input")
	require.NoError(t, j.Append(root, "a.txt", l))
	require.True(t, standing())
	require.NoError(t, root.WriteFile("a.txt/a_chunk_0.failed.jsonl", []byte("{}\n"), 0o644))
	require.False(t, standing(), "a list of failed items of another attempt")
	require.NoError(t, root.Remove("a.txt/a_chunk_0.failed.jsonl"))
	require.NoError(t, root.WriteFile("a.txt/a_chunk_0.jsonl", []byte("a\nb\nC\n"), 0o644))
	require.False(t, standing(), "other bytes")
	require.NoError(t, root.Remove("a.txt/a_chunk_0.jsonl"))
	require.False(t, standing(), "no result")

	for n := range 2 * maxSeen { // only some folders are remembered
		_, _, err := j.Standing(root, fmt.Sprint(n), l)
		require.NoError(t, err)
	}
	require.Len(t, j.seen, maxSeen)
}
