package messages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestSteeringIsStored(t *testing.T) {
	t.Parallel()
	plain := messages.File{ID: 7, State: messages.FileRunning}
	require.NotContains(t, string(plain.EncodeRecord()), "steering", "records of files that nobody steers stay as they were")
	got, err := messages.DecodeFile(7, plain.EncodeRecord())
	require.NoError(t, err)
	require.Zero(t, got.Steering)
	require.Equal(t, 1, got.Weight())
	require.False(t, got.Held())

	f := plain
	f.Steering = messages.Steering{
		Priority: -10, Share: 100, PausedBy: "api", PausedSince: time.Date(2026, 11, 26, 10, 0, 0, 5e6, time.UTC), LimitRejects: 3, LimitTried: 9,
	}
	got, err = messages.DecodeFile(7, f.EncodeRecord())
	require.NoError(t, err)
	require.Equal(t, f.Steering, got.Steering)
	require.True(t, got.Held())

	odd := strings.Replace(string(f.EncodeRecord()), `"priority":-10,"share":100`, `"priority":99,"share":-3`, 1)
	got, err = messages.DecodeFile(7, []byte(odd))
	require.NoError(t, err)
	require.Equal(t, [2]int{10, 1}, [2]int{got.Priority, got.Weight()}, "a value of another version is the nearest one")
}

func TestDispatchIsStored(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for _, d := range []messages.Dispatch{
		{}, {MaxItemsPerS: 0.5}, {Paused: true, By: "api", Since: at}, {Paused: true, Until: at.Add(time.Hour), MaxItemsPerS: 7, By: "::1", Since: at},
	} {
		got, err := messages.DecodeDispatch(d.EncodeRecord())
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	got, err := messages.DecodeDispatch("")
	require.NoError(t, err)
	require.Zero(t, got)
	for _, bad := range []string{"{", `{"max_items_per_s":-1}`, `{"paused":3}`} {
		got, err := messages.DecodeDispatch(bad)
		require.ErrorIs(t, err, messages.ErrBadRecord)
		require.Zero(t, got)
	}
}

func TestDispatchChanges(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	yes, no, none, rate := true, false, 0.0, 2.5
	later, last := now.Add(time.Hour), now.Add(2*time.Hour)
	paused := messages.Dispatch{Paused: true, Until: later, MaxItemsPerS: 9, By: "a", Since: now.Add(-time.Hour)}
	for name, x := range map[string]struct {
		from messages.Dispatch
		by   messages.SetDispatch
		want messages.Dispatch
	}{
		"nothing":                    {paused, messages.SetDispatch{By: "b"}, paused},
		"a pause":                    {messages.Dispatch{}, messages.SetDispatch{Paused: &yes, By: "b"}, messages.Dispatch{Paused: true, By: "b", Since: now}},
		"a pause with an end":        {messages.Dispatch{}, messages.SetDispatch{Paused: &yes, Until: &later}, messages.Dispatch{Paused: true, Until: later, Since: now}},
		"a pause that lasts instead": {paused, messages.SetDispatch{Paused: &yes, By: "b"}, messages.Dispatch{Paused: true, MaxItemsPerS: 9, By: "a", Since: paused.Since}},
		"another end":                {paused, messages.SetDispatch{Until: &last}, messages.Dispatch{Paused: true, Until: last, MaxItemsPerS: 9, By: "a", Since: paused.Since}},
		"no end":                     {paused, messages.SetDispatch{Until: &time.Time{}}, messages.Dispatch{Paused: true, MaxItemsPerS: 9, By: "a", Since: paused.Since}},
		"a resumption":               {paused, messages.SetDispatch{Paused: &no}, messages.Dispatch{MaxItemsPerS: 9}},
		"a rate":                     {messages.Dispatch{}, messages.SetDispatch{MaxItemsPerS: &rate}, messages.Dispatch{MaxItemsPerS: 2.5}},
		"no rate":                    {paused, messages.SetDispatch{MaxItemsPerS: &none}, messages.Dispatch{Paused: true, Until: later, By: "a", Since: paused.Since}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := x.by.Apply(x.from, now)
			require.NoError(t, err)
			require.Equal(t, x.want, got)
		})
	}
	got, err := (messages.SetDispatch{Paused: &yes, By: "b"}).Apply(paused, last)
	require.NoError(t, err)
	require.Equal(t, messages.Dispatch{Paused: true, MaxItemsPerS: 9, By: "b", Since: last}, got, "a pause that is over begins again")
}

func TestWishesAreStored(t *testing.T) {
	t.Parallel()
	wishes := map[string]int{"a.txt": 10, "sub/b.txt": -10}
	require.Equal(t, wishes, messages.DecodeWishes(messages.EncodeWishes(wishes)))
	require.Empty(t, messages.DecodeWishes(""))
	require.Equal(t, map[string]int{"a": 1}, messages.DecodeWishes(`{"a":1,"b":11,"c":0}`))
}
