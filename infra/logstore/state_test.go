package logstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// The last record of a file counts, also when one before it cannot be decoded, such as that of
// a later version, or when it cannot be decoded itself.
func TestLastRecordOfAFileCounts(t *testing.T) {
	t.Parallel()
	good, bad := messages.File{Base: "a"}.EncodeRecord(), []byte(`{"state":"unheard of"}`)
	s := newState()
	s.putFile("1", bad)
	_, err := s.snapshot()
	require.ErrorIs(t, err, messages.ErrBadRecord)
	s.putFile("1", good)
	snap, err := s.snapshot()
	require.NoError(t, err)
	require.Len(t, snap.Files, 1)
	s.putFile("1", bad)
	_, err = s.snapshot()
	require.ErrorIs(t, err, messages.ErrBadRecord)
	n := 0
	s.each(func(messages.Table, string, []byte) { n++ })
	require.Equal(t, 1, n)
}
