package messages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDrainedRecord(t *testing.T) {
	t.Parallel()
	d := Drained{
		"w/ö:1": {Kind: Native, By: "api", Since: time.Unix(1e9, 5).UTC()},
		"b":     {By: "127.0.0.1", Since: time.Unix(2e9, 0).UTC()},
	}
	again, err := DecodeDrained(d.EncodeRecord())
	require.NoError(t, err)
	require.Equal(t, d, again)
	for _, none := range []string{"", "{}"} {
		again, err := DecodeDrained(none)
		require.NoError(t, err)
		require.Equal(t, Drained{}, again)
	}
	again, err = DecodeDrained("[1]")
	require.ErrorIs(t, err, ErrBadRecord)
	require.NotNil(t, again)
}
