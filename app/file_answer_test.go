package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A file that ended before all of it was cut is not done to 100 %.
func TestShareDone(t *testing.T) {
	t.Parallel()
	ended, remaining := time.Now(), int64(300)
	for name, c := range map[string]struct {
		file fileAnswer
		want string
	}{
		"running":              {fileAnswer{State: "running", ItemsRemaining: &remaining, Cut: 200, Done: 90, Failed: 10}, "25.0%"},
		"running, nothing cut": {fileAnswer{State: "running"}, "0.0%"},
		"done":                 {fileAnswer{State: "done", EndedAt: &ended, Size: 10, Offset: 10, Cut: 2, Done: 2}, "100%"},
		"an empty one":         {fileAnswer{State: "done", EndedAt: &ended}, "100%"},
		"with dead chunks":     {fileAnswer{State: "done_with_rejects", EndedAt: &ended, Size: 10, Offset: 10, Cut: 2, Dead: 1, Done: 1}, "100%"},
		"cancelled":            {fileAnswer{State: "cancelled", EndedAt: &ended, Size: 1000, Offset: 500, Cut: 100, Done: 40, Failed: 10, Cancelled: 50}, "25.0%"},
		"changed":              {fileAnswer{State: "changed", EndedAt: &ended, Size: 1000, Offset: 166, Cut: 100, Done: 100}, "16.6%"},
		"unreadable":           {fileAnswer{State: "failed", EndedAt: &ended, Size: 1000}, "0.0%"},
		"almost all":           {fileAnswer{State: "cancelled", EndedAt: &ended, Size: 1e6, Offset: 1e6 - 1, Cut: 9, Done: 9}, "99.9%"},
	} {
		require.Equal(t, c.want, c.file.percent(), name)
	}
}
