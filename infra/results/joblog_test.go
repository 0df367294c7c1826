package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJoblog(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	require.ErrorIs(t, WriteJoblog(root.FS(), "a.txt", new(strings.Builder)), ErrNoResults)
	late, early := sample(0), sample(1)
	late.Worker, early.Worker, late.Ended = "w-1", "w-2", "2026-11-26T06:00:02.500Z"
	late.Exit = nil
	for _, l := range []Line{late, early} {
		require.NoError(t, new(Journal).Append(root, "a.txt", l))
	}
	var out strings.Builder
	require.NoError(t, WriteJoblog(root.FS(), "a.txt", &out))
	require.Equal(t, "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"+
		"2\tw-2\t1795672800.000\t     1.000\t10\t6\t0\t0\ta_chunk_1\n"+
		"1\tw-1\t1795672800.000\t     2.500\t10\t6\t0\t0\ta_chunk_0\n", out.String())
	require.NoError(t, root.WriteFile("a.txt/.manifest/w-3.jsonl", []byte("{}\n"), 0o644))
	require.ErrorIs(t, WriteJoblog(root.FS(), "a.txt", &out), ErrDamaged)
}

// Nothing in the folder is trusted.
func TestJoblogIsSafeOnATerminal(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	l := sample(0)
	l.Worker, l.BatchID = "w\t\x1b[2J", "a\nb"
	require.NoError(t, new(Journal).Append(root, "a.txt", l))
	var out strings.Builder
	require.NoError(t, WriteJoblog(root.FS(), "a.txt", &out))
	require.Contains(t, out.String(), "\n1\tw??[2J\t")
	require.True(t, strings.HasSuffix(out.String(), "\ta?b\n"), out.String())
}
