package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// waits answers about files that are not taken yet, as the actors do; nil for other questions.
func (f *fakeMaster) waits(q messages.Query) (any, error) {
	switch q := q.(type) {
	case messages.QueryWaiting:
		list := []messages.WaitingFile{}
		for n := range 3 {
			path := fmt.Sprintf("%d.txt", n)
			if strings.Contains(path, q.Part) {
				list = append(list, messages.WaitingFile{Info: messages.FileInfo{Path: path, Size: 7, ModTime: began}, Since: began, Settled: n > 0, Priority: -n, Why: messages.Why{Reason: messages.WhySettling, Text: "may still be written"}})
			}
		}
		return list, nil
	case messages.SetWaiting:
		f.steering = append(f.steering, q)
		if q.Path != "1.txt" {
			return nil, messages.ErrNotWaiting
		}
		return messages.WaitingChanged{Old: -1, New: q.Priority}, nil
	}
	return nil, nil
}

func TestWaitingFiles(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := sender(t, Config{Asker: f})
	const first = `{"path":"0.txt","size":7,"modified_at":"2026-03-01T12:00:00.123Z","since":"2026-03-01T12:00:00.123Z","settled":false,"priority":0,"why":{"reason":"settling","text":"may still be written"}}`
	require.Equal(t, `{"total":3,"files":[`+first+`],"next":"0.txt"}`, call(http.MethodGet, "/api/v1/waiting?limit=1", "").body)
	got := call(http.MethodGet, "/api/v1/waiting?limit=2&cursor=0.txt", "").body
	require.Contains(t, got, `"path":"1.txt"`)
	require.Contains(t, got, `"path":"2.txt"`)
	require.Contains(t, got, `"next":""`)
	require.Equal(t, `{"total":0,"files":[],"next":""}`, call(http.MethodGet, "/api/v1/waiting?q=none", "").body)

	require.Equal(t, `{"old":{"priority":-1},"new":{"priority":9}}`, call(http.MethodPatch, "/api/v1/waiting", `{"path":"1.txt","priority":9}`).body)
	require.Equal(t, []any{messages.SetWaiting{Path: "1.txt", Priority: 9, By: "127.0.0.1"}}, f.steering)
	requireProblem(t, call(http.MethodPatch, "/api/v1/waiting", `{"path":"4.txt","priority":9}`), http.StatusNotFound)
	for _, body := range []string{`{"path":"1.txt"}`, `{"priority":1}`, `{"path":"1.txt","priority":11}`} {
		requireProblem(t, call(http.MethodPatch, "/api/v1/waiting", body), http.StatusUnprocessableEntity)
	}
}
