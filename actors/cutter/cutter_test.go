package cutter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// naive applies the written rule of items and chunks without regard for speed or
// memory.
func naive(data []byte, batch int) (chunks []Cut, blank int64) {
	type line struct {
		from, to int
		item     []byte
		blank    bool
	}
	var lines []line
	for at := 0; at < len(data); {
		to := len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			to = at + n + 1
		}
		item := data[at:to]
		if at == 0 {
			item = bytes.TrimPrefix(item, []byte("\xEF\xBB\xBF"))
		}
		text := bytes.TrimSuffix(item, []byte("\n"))
		lines = append(lines, line{at, to, item, strings.Trim(string(text), " \t\r\n\v\f") == ""})
		at = to
	}
	var cur *Cut
	size := 0
	for i, l := range lines {
		if l.blank {
			continue
		}
		need := encodedSize(l.item) - 2
		big := need+2 > messages.MaxChunkBytes
		if cur == nil || cur.Dead != "" || big || cur.Items >= batch || size+need > messages.MaxChunkBytes {
			from, first := l.from, int64(i+1)
			if cur == nil {
				from, first = 0, 1
			}
			chunks = append(chunks, Cut{Chunk: messages.Chunk{ID: messages.ChunkID{Index: len(chunks)}, Offset: int64(from), FirstLine: first}})
			cur, size = &chunks[len(chunks)-1], 2
		}
		cur.Items++
		if big {
			cur.Dead = TooLarge
			continue
		}
		size += need
		cur.Text = append(cur.Text, l.item...)
	}
	if cur == nil {
		return nil, int64(len(data))
	}
	for i := range chunks {
		end, last := int64(len(data)), int64(len(lines)+1)
		if i+1 < len(chunks) {
			end, last = chunks[i+1].Offset, chunks[i+1].FirstLine
		}
		c := &chunks[i]
		c.Length, c.Lines = end-c.Offset, last-c.FirstLine
		c.Hash = xxhash.Sum64(data[c.Offset:end])
		item := int32(0)
		for _, l := range lines[c.FirstLine-1 : last-1] {
			switch n := len(c.Gaps) - 1; {
			case !l.blank:
				item++
			case n >= 0 && c.Gaps[n].Item == item:
				c.Gaps[n].Lines++
			default:
				c.Gaps = append(c.Gaps, messages.Gap{Item: item, Lines: 1})
			}
		}
	}
	return chunks, 0
}

func cutAll(t testing.TB, data []byte, batch int, splits func(rest int) int) ([]Cut, int64) {
	t.Helper()
	var out []Cut
	c := New(0, messages.Cursor{}, batch, func(x Cut) error { out = append(out, x); return nil })
	for len(data) > 0 {
		n := min(len(data), max(1, splits(len(data))))
		if err := c.Feed(bytes.Clone(data[:n])); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	blank, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return out, blank
}

func sameCuts(got, want []Cut) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d chunks, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Chunk != want[i].Chunk || got[i].Dead != want[i].Dead || !slices.Equal(got[i].Gaps, want[i].Gaps) || !bytes.Equal(got[i].Text, want[i].Text) {
			return fmt.Sprintf("chunk %d is\n%+v %v %q %.200q, want\n%+v %v %q %.200q", i, got[i].Chunk, got[i].Gaps, got[i].Dead, got[i].Text, want[i].Chunk, want[i].Gaps, want[i].Dead, want[i].Text)
		}
	}
	return ""
}

func checkCut(t testing.TB, data []byte, batch int, splits func(int) int) {
	t.Helper()
	got, gotBlank := cutAll(t, data, batch, splits)
	want, wantBlank := naive(data, batch)
	if diff := sameCuts(got, want); diff != "" || gotBlank != wantBlank {
		t.Fatalf("%.300q in batches of %d: %s (blank rest %d, want %d)", data, batch, diff, gotBlank, wantBlank)
	}
}

func TestCutterTable(t *testing.T) {
	t.Parallel()
	long := func(n int, b string) string { return strings.Repeat(b, n) }
	const most = messages.MaxChunkBytes
	cases := map[string]string{
		"empty":                  "",
		"one":                    "a\n",
		"no final newline":       "a\nb",
		"crlf":                   "a\r\nb\r\n\r\nc\r\n",
		"bom":                    "\xEF\xBB\xBFa\nb\n",
		"bom only":               "\xEF\xBB\xBF",
		"bom and blanks":         "\xEF\xBB\xBF \n\t\r\n",
		"bom later":              "a\n\xEF\xBB\xBFb\n",
		"only blanks":            "\n\n \t\n\v\f\r\n",
		"leading blanks":         "\n\n\na\n",
		"trailing blanks":        "a\n\n\n  ",
		"nul":                    "a\x00b\n\x00\n",
		"invalid utf-8":          "\xff\xfe\n\xc3\n",
		"lone cr":                "a\rb\n\r\r\n",
		"blanks between":         "a\n\n\nb\n\n\nc\n\n\nd\n",
		"10 MB line":             "a\n" + long(10<<20, "x") + "\nb\n",
		"10 MB line alone":       long(10<<20, "x"),
		"10 MB of blanks":        "a\n" + long(10<<20, " ") + "\nb",
		"10 MB blanks then item": "a\nb\nc\n" + long(10<<20, " ") + "x\nb",
		"blank file, long":       long(3<<20, " "),
		"leading blanks, giant":  "\n\n" + long(3<<20, "x") + "\n\n\nb",
		"bom and giant":          "\xEF\xBB\xBF" + long(2<<20, "x") + "\nb",
		"item just fits":         "a\n" + long(most-5, "x") + "\nb\n",
		"item just too large":    "a\n" + long(most-4, "x") + "\nb\n",
		"escapes make too large": "a\n" + long(most/6+1, "\x01") + "\nb\n",
		"size limit":             long(400, long(5000, "y")+"\n"),
		"size limit, escapes":    long(400, long(1500, `"`)+"\n"),
		"giants in a row":        long(3, long(most+9, "x")+"\n"),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, batch := range []int{1, 2, 3, 500} {
				for _, n := range []int{1 << 20, 65_537, 4096} {
					checkCut(t, []byte(data), batch, func(int) int { return n })
				}
				if len(data) < 100 {
					for n := 1; n < 8; n++ {
						checkCut(t, []byte(data), batch, func(int) int { return n })
					}
				}
			}
		})
	}
}

// A chunk with more runs of blank lines than a message may have tells none of them.
func TestCutterBoundsGaps(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 0, messages.MaxGaps: messages.MaxGaps, messages.MaxGaps + 1: 0, 3 * messages.MaxGaps: 0} {
		data := strings.Repeat("a\n \n\r\n", n) + "a\n"
		cuts, _ := cutAll(t, []byte(data), 1_000_000, func(rest int) int { return rest })
		require.Len(t, cuts, 1)
		require.Len(t, cuts[0].Gaps, want, n)
		require.EqualValues(t, 3*n+1, cuts[0].Lines)
	}
}

// randomInput returns lines of the kinds that are hard to cut.
func randomInput(r *rand.Rand) []byte {
	var b []byte
	if r.IntN(4) == 0 {
		b = append(b, bom...)
	}
	pieces := []string{"\n", "\r\n", "\r", " ", "\t", "a", "10.0.0.1", "\x00", "\xff", "é", "\xEF\xBB\xBF", "\"", "\\", "\n\n\n", "1.2.3.4\n", "::1\r\n"}
	for range r.IntN(60) {
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return b
}

func TestCutterRandom(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkCut(t, randomInput(r), 1+r.IntN(5), func(rest int) int { return 1 + r.IntN(rest) })
	}
}

// TestCutterResumes begins at each chunk's start: the chunks are those of a cutter that
// came from the beginning of the file, so a restart cuts nothing twice.
func TestCutterResumes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		data, batch := randomInput(r), 1+r.IntN(4)
		all, _ := naive(data, batch)
		for i, c := range all {
			var rest []Cut
			cur := messages.Cursor{Offset: c.Offset, Index: c.ID.Index, Line: c.FirstLine}
			x := New(0, cur, batch, func(x Cut) error { rest = append(rest, x); return nil })
			if err := x.Feed(data[c.Offset:]); err != nil {
				t.Fatal(err)
			}
			if _, err := x.Finish(); err != nil {
				t.Fatal(err)
			}
			if diff := sameCuts(rest, all[i:]); diff != "" {
				t.Fatalf("%q from chunk %d: %s", data, i, diff)
			}
		}
	}
}

// The texts are where the owner of the cutter wants them, and no chunk shares memory with
// another one or with what was fed.
func TestCutterTakesRoomFromItsOwner(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 2_000 {
		data, batch := randomInput(r), 1+r.IntN(4)
		fed := bytes.Clone(data)
		rooms := 0
		var got []Cut
		x := New(0, messages.Cursor{}, batch, func(k Cut) error { got = append(got, k); return nil })
		x.TakeRoom(func(n int) []byte {
			rooms++
			return append(make([]byte, 0, n+r.IntN(3)), bytes.Repeat([]byte{0xDB}, n)...)[:0]
		})
		if err := x.Feed(fed); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Finish(); err != nil {
			t.Fatal(err)
		}
		for i := range fed {
			fed[i] = 0xDB
		}
		want, _ := naive(data, batch)
		if diff := sameCuts(got, want); diff != "" {
			t.Fatalf("%q: %s", data, diff)
		}
		if rooms != len(want) {
			t.Fatalf("%q: room for %d texts, want %d", data, rooms, len(want))
		}
	}
}

// feeder feeds the range of a chunk.
func feeder(data []byte, c messages.Chunk) func(feed func([]byte) error) error {
	return func(feed func([]byte) error) error { return feed(data[c.Offset:c.End()]) }
}

func TestRecutFindsTheSameItems(t *testing.T) {
	t.Parallel()
	data := []byte("\xEF\xBB\xBFa\r\n\n\nb\nc\n\nd")
	cuts, _ := naive(data, 2)
	require.Len(t, cuts, 2)
	for _, c := range cuts {
		got, err := Recut(c.Chunk, feeder(data, c.Chunk))
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
	_, err := Recut(cuts[0].Chunk, feeder(bytes.Replace(data, []byte("b"), []byte("x"), 1), cuts[0].Chunk))
	require.ErrorIs(t, err, ErrOtherBytes)
	away := errors.New("share away")
	_, err = Recut(cuts[0].Chunk, func(func([]byte) error) error { return away })
	require.ErrorIs(t, err, away)
}

func FuzzCutter(f *testing.F) {
	f.Add([]byte("\xEF\xBB\xBFa\r\n\r\nb"), byte(2), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, batch, step byte) {
		checkCut(t, data, 1+int(batch), func(int) int { return 1 + int(step) })
	})
}
