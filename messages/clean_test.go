package messages

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"plain, größer, 日本":      "plain, größer, 日本",
		"a\x1b]0;X\x1b\\b":       "a?]0;X?\\b",
		"c1\u009b31m\u0085":      "c1?31m?",
		"\u202eevil\u2066\u200f": "?evil??",
		"a\r\nb\tc\x00\x7f":      "a??b?c??",
		"bad\xffutf":             "bad?utf",
		"\u2028\ufeff\u00ad":     "???",
	} {
		require.Equal(t, want, Clean(text, 40))
	}
	require.Equal(t, "ab...", Clean("abc", 2))
	require.Equal(t, "éé...", Clean(strings.Repeat("é", 1<<20), 2))
	require.Equal(t, "a b? c", CleanLine(" a\n\tb\x1b c\n", 40))
	require.Equal(t, "a?\nb    c\n", CleanLines("a\x1b\nb\tc\n", 40))
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u009b")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text, 20)
		require.LessOrEqual(t, len([]rune(got)), 23)
		for _, r := range got {
			require.True(t, unicode.IsPrint(r), "%q", r)
		}
		require.Equal(t, got, Clean(got, 23))
	})
}
