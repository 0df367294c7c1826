package messages

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// checkItems compares the appended array with the lines, by way of encoding/json.
func checkItems(t require.TestingT, lines []byte) {
	var want []string
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
		want = append(want, toValid(line))
	}
	got := AppendItems(nil, lines)
	var back []string
	require.NoError(t, json.Unmarshal(got, &back), "%q", got)
	require.Equal(t, len(want), len(back))
	for i := range want {
		require.Equal(t, want[i], back[i])
	}
	size := 2 + max(0, len(want)-1)
	for line := range bytes.Lines(lines) {
		size += EncodedLen(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'}))
	}
	require.Len(t, got, size, "EncodedLen is exact")
}

// toValid replaces each byte that is not UTF-8 with U+FFFD.
func toValid(b []byte) string {
	var s strings.Builder
	for _, r := range string(b) {
		s.WriteRune(r)
	}
	return s.String()
}

func TestAppendItems(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "a\n", "a\nb", "a\r\nb\r\n", "a\r", "a\rb\n", "\rb\n", "q\"q\n", "b\\b\n", "\x00\x01\x1f\x7f\n", "é\n", "\xff\xfe\n", "\xe2\x82\n",
		"\u2028<&>\n", "tab\there\n", strings.Repeat("10.0.0.1\n", 100), "12345678\r9\n", "1234567\r\n", "\xEF\xBB\xBFa\n",
	} {
		checkItems(t, []byte(s))
	}
}

func TestAppendItemsRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"\n", "\r\n", "\r", "a", "10.0.0.1", "\"", "\\", "\x00", "é", "\xff", "\t", "12345678"})).Draw(t, "parts")
		checkItems(t, []byte(strings.Join(parts, "")))
	})
}

func FuzzAppendItems(f *testing.F) {
	f.Add([]byte("a\r\n\"\\\xff\n"))
	f.Fuzz(func(t *testing.T, lines []byte) { checkItems(t, lines) })
}
