package httpapi

import (
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func withPage(cfg Config) Config {
	cfg.Asker = newFake()
	cfg.Page = fstest.MapFS{
		"index.html": {Data: []byte("<!DOCTYPE html>")}, "js/app.js": {Data: []byte("run()")}, "style.css": {Data: []byte("a{}")}, "icon.svg": {Data: []byte("<svg/>")},
	}
	return cfg
}

// The page may run its own scripts and call this API, and nothing else.
func TestPage(t *testing.T) {
	t.Parallel()
	call := start(t, withPage(Config{}))
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8", "/js/app.js": "text/javascript; charset=utf-8",
		"/style.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		got := call(http.MethodGet, path)
		require.Equal(t, http.StatusOK, got.status, path)
		require.Equal(t, kind, got.kind, path)
		require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-cache", got.header.Get("Cache-Control"))
		require.Equal(t, http.StatusNotModified, call(http.MethodGet, path, "If-None-Match", got.header.Get("ETag")).status)
		require.Empty(t, call(http.MethodHead, path).body)
	}
	require.Equal(t, "run()", call(http.MethodGet, "/js/app.js").body)
	require.Equal(t, http.StatusNotFound, call(http.MethodGet, "/js/").status)
	require.Equal(t, http.StatusNotFound, call(http.MethodGet, "/js/../index.html").status)
	require.NotEqual(t, http.StatusOK, call(http.MethodPost, "/").status)
}

// The page asks for the token itself, so it is shown without one. Its answers are not.
func TestPageNeedsNoToken(t *testing.T) {
	t.Parallel()
	call := start(t, withPage(Config{Token: "secret"}))
	require.Equal(t, http.StatusOK, call(http.MethodGet, "/").status)
	require.Equal(t, http.StatusUnauthorized, call(http.MethodGet, "/api/v1/overview").status)
	require.Equal(t, http.StatusUnauthorized, call(http.MethodGet, "/other").status)
}

// A foreign name that resolves to this machine gets no page either.
func TestPageUnderAForeignName(t *testing.T) {
	t.Parallel()
	call := start(t, withPage(Config{AllowedHosts: LoopbackHosts()}))
	require.Equal(t, http.StatusForbidden, call(http.MethodGet, "/", "Host", "evil.example").status)
	require.Equal(t, http.StatusOK, call(http.MethodGet, "/").status)
}
