package generate_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kafka-master/generate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally is the number of lines of each kind in a file.
type tally struct{ lines, items, blanks, crlf, v4, v6, junk, duplicates int }

func count(t require.TestingT, file []byte) tally {
	var c tally
	seen := map[string]bool{}
	for line := range bytes.SplitAfterSeq(file, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		require.True(t, bytes.HasSuffix(line, []byte("\n")))
		require.True(t, utf8.Valid(line))
		c.lines++
		if bytes.HasSuffix(line, []byte("\r\n")) {
			c.crlf++
		}
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(text) == "" {
			c.blanks++
			continue
		}
		c.items++
		if seen[text] {
			c.duplicates++
		}
		seen[text] = true
		switch a, err := netip.ParseAddr(text); {
		case err != nil:
			c.junk++
		case a.Is4():
			c.v4++
		default:
			c.v6++
		}
	}
	return c
}

func write(t require.TestingT, o generate.Options) []byte {
	var b bytes.Buffer
	require.NoError(t, o.Write(&b))
	return b.Bytes()
}

func TestWriteIsExactAndRepeatable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := generate.Options{
			Lines: rapid.Int64Range(0, 3000).Draw(t, "lines"), Seed: rapid.Uint64().Draw(t, "seed"),
			IPv6: rapid.IntRange(0, 333).Draw(t, "ipv6"), Junk: rapid.IntRange(0, 333).Draw(t, "junk"),
			Duplicates: rapid.IntRange(0, 333).Draw(t, "duplicates"),
			Blanks:     rapid.IntRange(0, 1000).Draw(t, "blanks"), CRLF: rapid.IntRange(0, 1000).Draw(t, "crlf"),
		}
		file := write(t, o)
		c := count(t, file)
		require.EqualValues(t, o.Lines, c.items)
		require.Equal(t, c.lines, c.items+c.blanks)
		require.Equal(t, file, write(t, o))
		if o.IPv6 == 0 {
			require.Zero(t, c.v6)
		}
		if o.Junk == 0 {
			require.Zero(t, c.junk)
		}
		if o.CRLF == 0 {
			require.Zero(t, c.crlf)
		}
	})
}

func TestShares(t *testing.T) {
	t.Parallel()
	c := count(t, write(t, generate.Mixed(100_000, 7)))
	require.InDelta(t, 50, c.v6/100, 5)
	require.InDelta(t, 10, c.junk/100, 3)
	require.InDelta(t, 20, c.duplicates/100, 3)
	require.InDelta(t, 10, c.blanks/100, 3)
	require.InDelta(t, 20, c.crlf/100, 3)
	plain := count(t, write(t, generate.Options{Lines: 1000}))
	require.Equal(t, tally{lines: 1000, items: 1000, v4: 1000, duplicates: plain.duplicates}, plain)
	require.NotEqual(t, write(t, generate.Mixed(100, 1)), write(t, generate.Mixed(100, 2)))
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []generate.Options{{Lines: -1}, {Junk: -1}, {CRLF: 1001}, {IPv6: 600, Junk: 600}} {
		require.ErrorContains(t, o.Write(io.Discard), "generate: ")
	}
}

type full struct{ room int }

var errFull = errors.New("disk full")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, generate.Write(&full{}, 1, 1), errFull)
	require.ErrorIs(t, generate.Write(&full{room: 300 << 10}, 1_000_000, 1), errFull)
}

// The sample in the repository is the output of the generator.
func TestSample(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, generate.Write(&b, 10_000, 1))
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile("../input_ip_data/sample.txt", b.Bytes(), 0o644))
	}
	sample, err := os.ReadFile("../input_ip_data/sample.txt")
	require.NoError(t, err)
	require.True(t, bytes.Equal(b.Bytes(), sample), "write it again: UPDATE=1 go test ./generate")
	c := count(t, sample)
	require.Equal(t, 10_000, c.items)
	for _, n := range []int{c.blanks, c.crlf, c.v4, c.v6, c.junk, c.duplicates} {
		require.NotZero(t, n)
	}
	t.Logf("%+v", c)
}

func BenchmarkWrite(b *testing.B) {
	const lines = 1_000_000
	b.SetBytes(int64(len(write(b, generate.Mixed(lines, 1)))))
	for b.Loop() {
		require.NoError(b, generate.Write(io.Discard, lines, 1))
	}
}
