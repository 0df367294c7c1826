package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestMastersGolden(t *testing.T) {
	t.Parallel()
	got := start(t, Config{Asker: newFake()})(http.MethodGet, "/api/v1/masters")
	require.Equal(t, http.StatusOK, got.status)
	const at = `"2026-03-01T12:00:00.123Z"`
	require.Equal(t, `{"total":2,"masters":[{"id":"m1","role":"leader","term":7,"api":"m1:3001","version":"v1.2.3","started_at":`+at+`,"seen_at":`+at+`,"lease_until":`+at+
		`,"back_ends":[{"name":"kafka","ok":true,"since":null,"error":""},{"name":"input","ok":false,"since":`+at+`,"error":"no share"}]},`+
		`{"id":"m2","role":"silent","term":6,"api":"","version":"","started_at":null,"seen_at":null,"lease_until":null,"back_ends":[]}],"missing":""}`, got.body)
}

// A standby knows the masters itself, and passes the order to step down on.
func TestMastersOfAStandby(t *testing.T) {
	t.Parallel()
	leader, api := startLeader(t, Config{})
	own := newFake()
	own.overview = messages.Overview{Role: "standby", Leader: messages.Leader{MasterID: "m1", API: api}}
	s := New(Config{Asker: own})
	t.Cleanup(s.leader.CloseIdleConnections)
	leader.err = messages.ErrUnavailable
	require.Equal(t, http.StatusOK, call(s, "/api/v1/masters").Code)
	leader.err = nil
	w := serve(s, http.MethodPost, "/api/v1/masters/step-down")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, `{"old":{"master_id":"m1","api":"m1:3001","term":7},"new":{"master_id":"","api":"","term":7}}`, w.Body.String())
	require.Equal(t, 1, leader.changes)
}
