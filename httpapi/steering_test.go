package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// steer changes what a master steers, as the actors do.
func (f *fakeMaster) steer(q messages.Query) (any, error) {
	if f.overview.Role != "leader" {
		return nil, &messages.NotLeader{Leader: f.overview.Leader}
	}
	f.steering = append(f.steering, q)
	switch q := q.(type) {
	case messages.SetDispatch:
		old := f.overview.Dispatch
		set, err := q.Apply(old, began)
		f.overview.Dispatch = set
		return messages.DispatchChanged{Old: old, New: set}, err
	case messages.SetFile:
		for _, x := range f.files {
			if x.ID != q.ID {
				continue
			}
			if x.State.Terminal() {
				return nil, fmt.Errorf("%w: %s", messages.ErrEnded, x.Info.Path)
			}
			file := *x.File
			file.Priority, file.Share, file.PausedBy, file.PausedSince = 3, 7, q.By, began
			return messages.FileSteered{Old: x, New: messages.FileStatus{File: &file, Paused: "paused by me"}}, nil
		}
	}
	return nil, messages.ErrNoFile
}

func TestDispatchIsChanged(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := sender(t, Config{Asker: f, Token: token})
	auth := []string{"Authorization", "Bearer " + token}
	const still = `{"paused":false,"until":null,"max_items_per_s":null,"by":"","since":null}`
	require.Equal(t, still, call(http.MethodGet, "/api/v1/dispatch", "", auth...).body)

	paused := `{"paused":true,"until":"2026-03-01T14:00:00Z","max_items_per_s":0.5,"by":"api","since":"2026-03-01T12:00:00.123Z"}`
	got := call(http.MethodPatch, "/api/v1/dispatch", `{"paused":true,"until":"2026-03-01T15:00:00+01:00","max_items_per_s":0.5}`, auth...)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, `{"old":`+still+`,"new":`+paused+`}`, got.body)
	require.Equal(t, paused, call(http.MethodGet, "/api/v1/dispatch", "", auth...).body)

	for body, want := range map[string]messages.SetDispatch{
		`{}`:                       {},
		`{"paused":false}`:         {Paused: new(bool)},
		`{"until":null}`:           {Until: new(time.Time)},
		`{"max_items_per_s":null}`: {MaxItemsPerS: new(float64)},
		`{"max_items_per_s":0}`:    {MaxItemsPerS: new(float64)},
	} {
		require.Equal(t, http.StatusOK, call(http.MethodPatch, "/api/v1/dispatch", body, auth...).status, body)
		want.By = "api"
		require.Equal(t, want, f.steering[len(f.steering)-1], body)
	}
	asked := len(f.steering)
	for body, place := range map[string]string{
		`{"paused":"yes"}`: "body.paused", `{"until":"tomorrow"}`: "body.until", `{"until":7}`: "body.until",
		`{"max_items_per_s":-1}`: "body.max_items_per_s", `{"max_items_per_s":1e10}`: "body.max_items_per_s", `{"rate":1}`: "body.rate", `[]`: "",
	} {
		requireProblem(t, call(http.MethodPatch, "/api/v1/dispatch", body, auth...), http.StatusUnprocessableEntity, place)
	}
	require.Len(t, f.steering, asked, "what is wrong reaches nobody")
	got = call(http.MethodPatch, "/api/v1/dispatch", `{"until":"2026-03-01T15:00:00Z"}`, auth...)
	requireProblem(t, got, http.StatusUnprocessableEntity, "Nothing changed", "not paused")
	require.Equal(t, http.StatusUnauthorized, call(http.MethodPatch, "/api/v1/dispatch", `{}`).status)
	require.Equal(t, http.StatusForbidden, call(http.MethodPatch, "/api/v1/dispatch", `{}`, append(auth, "Origin", "http://evil")...).status)
}

func TestFileIsSteered(t *testing.T) {
	t.Parallel()
	f := withFiles()
	call := sender(t, Config{Asker: f})
	got := call(http.MethodPatch, "/api/v1/files/6", `{"paused":true,"priority":3,"share":7}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.JSONEq(t, `{"old":{"paused":"","paused_by":"","paused_since":null,"priority":0,"share":1},
		"new":{"paused":"paused by me","paused_by":"127.0.0.1","paused_since":"2026-03-01T12:00:00.123Z","priority":3,"share":7}}`, got.body)
	yes, three, seven := true, 3, 7
	require.Equal(t, messages.SetFile{ID: 6, Paused: &yes, Priority: &three, Share: &seven, By: "127.0.0.1"}, f.steering[0])
	requireProblem(t, call(http.MethodPatch, "/api/v1/files/2", `{"share":1}`), http.StatusConflict, "ended", "a.txt")
	requireProblem(t, call(http.MethodPatch, "/api/v1/files/77", `{"share":1}`), http.StatusNotFound)
	for body, place := range map[string]string{
		`{"priority":11}`: "body.priority", `{"priority":-11}`: "body.priority", `{"priority":1.5}`: "body.priority", `{"share":0}`: "body.share",
		`{"share":101}`: "body.share", `{"weight":1}`: "body.weight",
	} {
		requireProblem(t, call(http.MethodPatch, "/api/v1/files/6", body), http.StatusUnprocessableEntity, place)
	}
	f.files[3].Steering = messages.Steering{Priority: -2, Share: 5, PausedBy: "api", PausedSince: began}
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(call(http.MethodGet, "/api/v1/files/6", "").body), &shown))
	require.EqualValues(t, -2, shown["priority"])
	require.EqualValues(t, 5, shown["share"])
	require.Equal(t, "api", shown["paused_by"])
	require.Equal(t, "2026-03-01T12:00:00.123Z", shown["paused_since"])
}

// A standby passes a change on with its body, and who asked for it.
func TestStandbyForwardsSteering(t *testing.T) {
	fake, api := startLeader(t, Config{})
	other := newFake()
	other.overview.Role, other.overview.Leader = "standby", messages.Leader{MasterID: "m1", API: api}
	call := sender(t, Config{Asker: other})
	got := call(http.MethodPatch, "/api/v1/dispatch", `{"max_items_per_s":9}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	nine := 9.0
	require.Equal(t, []any{messages.SetDispatch{MaxItemsPerS: &nine, By: "127.0.0.1"}}, fake.steering)
	require.Contains(t, call(http.MethodGet, "/api/v1/dispatch", "").body, `"max_items_per_s":9`)
	other.overview.Role, other.overview.Leader = "standby", messages.Leader{}
	got = call(http.MethodPatch, "/api/v1/dispatch", `{"paused":true}`)
	requireProblem(t, got, http.StatusServiceUnavailable)
	require.Equal(t, retryAfter, got.header.Get("Retry-After"))
}
