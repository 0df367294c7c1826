package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who stops a call learns that, and not that no master answers.
func TestStoppedCallIsNotUnreachable(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	}))
	defer server.Close()
	err := (&apiClient{base: server.URL}).get(ctx, "/api/v1/overview", &struct{}{})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, errUnreachable)
}

// A leader that has just begun answers "not now" for a moment: a command waits for that.
func TestCommandWaitsForALeaderThatBegins(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"total":0,"topics":[]}`)
	}))
	defer server.Close()
	var out, errs bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	require.Equal(t, ExitOK, Run(t.Context(), []string{"topics", "--api", server.URL}, none, &out, &errs), errs.String())
	require.Equal(t, 2, asked)
}
