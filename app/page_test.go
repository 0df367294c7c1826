package app

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// While nobody answers, people see the last page and since when; programs get none, since
// they take each for a fresh one.
func TestWatchOutlivesAFailover(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]struct{ pages, notes, errors int }{"table": {4, 2, 0}, "json": {2, 0, 1}, "tsv": {2, 0, 1}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var stdout, stderr bytes.Buffer
			r := &remote{command: command{stdout: &stdout, stderr: &stderr}, output: output, every: time.Second}
			calls := 0
			require.NoError(t, r.show(ctx, func(context.Context) (page, error) {
				switch calls++; calls {
				case 2, 3:
					return page{}, errUnreachable
				case 5:
					stop()
				}
				return page{answer: "fresh", head: []string{"state"}, rows: [][]cell{{text("fresh")}}}, nil
			}))
			require.Equal(t, want.pages, strings.Count(stdout.String(), "fresh"), output)
			require.Equal(t, want.notes, strings.Count(stdout.String(), "this is the last picture"), output)
			require.Equal(t, want.errors, strings.Count(stderr.String(), errUnreachable.Error()), output)
		})
	}
}
