package app

import (
	"context"
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
