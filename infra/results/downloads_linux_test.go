package results

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Nobody waits for a writer of a pipe that lies where a merged file should.
func TestPipeIsNoDownload(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.put(messages.ChunkName{}, "a\nb\n", "")
	_, err := b.merge()
	require.NoError(t, err)
	require.NoError(t, b.root.Remove("a.txt.jsonl"))
	require.NoError(t, syscall.Mkfifo(filepath.Join(b.dir, "a.txt.jsonl"), 0o644))
	_, _, err = b.fetch(MergedResult)
	require.ErrorIs(t, err, ErrOutdated)
	require.ErrorIs(t, b.offers()[MergedResult].Err, ErrOutdated)
}
