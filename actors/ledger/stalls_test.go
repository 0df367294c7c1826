package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTempo(t *testing.T) {
	t.Parallel()
	var p tempo
	require.Zero(t, p.median())
	for i := range 100 {
		p.add(time.Duration(i) * time.Second)
	}
	require.Equal(t, 84*time.Second, p.median(), "of the last 31")
}
