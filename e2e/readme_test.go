package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// The README's table of settings is the one that the program reads by. Run with
// UPDATE=1 to write it anew.
func TestReadmeShowsEverySetting(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- settings -->\n", "<!-- end of settings -->\n"
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := head + begin + settings.Markdown() + end + tail
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile("../README.md", []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "run UPDATE=1 go test -run Readme ./e2e")
}

// Every kind of problem is explained, with its cause and its cure: alarms are made
// on them.
func TestEveryProblemIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	for _, kind := range messages.ProblemKinds() {
		require.Contains(t, string(text), "| `"+string(kind)+"` |")
	}
}
