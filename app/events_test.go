package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A quiet stream has only comments. How long no master answers counts from the last of them,
// so that a change of the leader is outlived after hours without an event, too.
func TestEventsOutliveAFailoverAfterAQuietHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var known []string
		stream := func(_ context.Context, last string, alive func(), tell func(event) error) error {
			switch known = append(known, last); len(known) {
			case 1:
				for range 4 * 60 {
					time.Sleep(15 * time.Second)
					alive()
				}
				return nil
			case 2, 3:
				return errUnreachable
			case 4:
				stop()
			}
			return nil
		}
		first := func(ctx context.Context, last string, alive func(), tell func(event) error) error {
			if last == "" {
				alive()
				if err := tell(event{ID: "7"}); err != nil {
					return err
				}
			}
			return stream(ctx, last, alive, tell)
		}
		require.NoError(t, followEvents(ctx, first, func(event) error { return nil }))
		require.Equal(t, []string{"", "7", "7", "7"}, known)
	})
}

// A stream that is silent is given up and begun again, and so is one that never begins.
func TestEventsGiveUpASilentStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began, streams := time.Now(), 0
		err := followEvents(ctx, func(ctx context.Context, _ string, alive func(), tell func(event) error) error {
			if streams++; streams > 1 {
				return errUnreachable
			}
			alive()
			if err := tell(event{ID: "7"}); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}, func(event) error { return nil })
		require.ErrorIs(t, err, errUnreachable)
		require.InDelta(t, (maxQuiet + unreachableFor).Seconds(), time.Since(began).Seconds(), 2)
	})
}

// Every line of a stream shows that a master lives, comments as well.
func TestEventLinesShowLife(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") == "6" {
			fmt.Fprint(w, ":\n\nid: 7\nevent: notice\ndata: {}\n\n:\n\n")
		}
	}))
	defer server.Close()
	lines, ids := 0, []string{}
	err := (&apiClient{base: server.URL}).stream(t.Context(), "6", func() { lines++ }, func(e event) error {
		ids = append(ids, e.ID)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 8, lines)
	require.Equal(t, []string{"7"}, ids)
}
