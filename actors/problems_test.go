package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestProblemsKeepTheirBeginning(t *testing.T) {
	t.Parallel()
	p, t0 := problems{}, time.Unix(1, 0)
	require.True(t, p.set("a", messages.Problem{Kind: messages.ProblemFile, Part: "input", Text: "one"}, t0))
	require.False(t, p.set("a", messages.Problem{Kind: messages.ProblemFile, Part: "input", Text: "two", Count: 2}, t0.Add(time.Minute)))
	require.Equal(t, []messages.Problem{{Kind: messages.ProblemFile, Part: "input", Text: "two", Since: t0, Count: 2}}, p.list())
	require.True(t, p.clear("a"))
	require.False(t, p.clear("a"))
	require.Empty(t, p.list())
}
