package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// The answers of the legacy endpoints, byte by byte.
func TestLegacyGolden(t *testing.T) {
	t.Parallel()
	const topics = `[{"topic":"master-signal","partitions":%d},{"topic":"worker-connection","partitions":1},{"topic":"worker-signal","partitions":1}]`
	for _, c := range []struct {
		target, kind, body string
	}{
		{"/api/getWorkersStatus", typeJSON, `{"w-busy":"0","w-draining":"0","w-free":"1","w-new":"0","w-suspect":"0"}`},
		{"/api/getworkersstatus", typeJSON, `{"w-busy":"0","w-draining":"0","w-free":"1","w-new":"0","w-suspect":"0"}`},
		{"/api/getNumBatches", typeHTML, "500"},
		{"/api/updateNumBatches?numBatches=750", typeHTML, "numBatches updated to 750. Assigner loop continues."},
		{"/api/updatenumbatches?numBatches=1&_=5", typeHTML, "numBatches updated to 1. Assigner loop continues."},
		{"/api/updateNumBatches?numBatches=1000000", typeHTML, "numBatches updated to 1000000. Assigner loop continues."},
		{"/api/getPartitions", typeJSON, fmt.Sprintf(topics, 15)},
		{"/api/updatePartitions?value=15", typeJSON, fmt.Sprintf(topics, 15)},
		{"/api/updatePartitions?value=20", typeJSON, fmt.Sprintf(topics, 20)},
		{"/api/updatePartitions?value=10000", typeJSON, fmt.Sprintf(topics, 10000)},
	} {
		call := start(t, Config{Asker: newFake()})
		got := call(http.MethodGet, c.target)
		require.Equal(t, http.StatusOK, got.status, c.target)
		require.Equal(t, c.kind, got.kind, c.target)
		require.Equal(t, c.body, got.body, c.target)
	}
}

func TestLegacyEmpty(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.workers, f.topics = nil, nil
	call := start(t, Config{Asker: f})
	require.Equal(t, "{}", call(http.MethodGet, "/api/getWorkersStatus").body)
	require.Equal(t, "[]", call(http.MethodGet, "/api/getPartitions").body)
}

// A bad value is refused and leaves the old one.
func TestLegacyBadInput(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := start(t, Config{Asker: f})
	for path, name := range map[string]string{"/api/updateNumBatches": "numBatches", "/api/updatePartitions": "value"} {
		for _, query := range []string{
			"", "?", "?" + name, "?" + name + "=", "?" + name + "=0", "?" + name + "=-5", "?" + name + "=%2B5", "?" + name + "=+5",
			"?" + name + "=5%20", "?" + name + "=3.7", "?" + name + "=1e3", "?" + name + "=0x10", "?" + name + "=12abc", "?" + name + "=abc",
			"?" + name + "=1,000", "?" + name + "=1_000", "?" + name + "=1000001", "?" + name + "=9223372036854775808",
			"?" + name + "=99999999999999999999", "?" + name + "=16&" + name + "=16", "?" + name + "=%D9%A1", "?" + name + "=%0A5",
			"?" + name + "=%00", "?" + name + "=%zz", "?" + name + "=16;x=1", "?" + strings.ToUpper(name) + "=16",
			"?" + name + "=%3Cscript%3E", "?" + name + "=" + strings.Repeat("9", 5000),
		} {
			got := call(http.MethodGet, path+query)
			require.Equal(t, http.StatusBadRequest, got.status, path+query)
			require.Equal(t, typeText, got.kind)
			require.Contains(t, got.body, name, query)
			require.Equal(t, 1, strings.Count(got.body, "\n"), query)
			require.Less(t, len(got.body), 300)
		}
	}
	require.Zero(t, f.changes)
	require.Equal(t, "500", call(http.MethodGet, "/api/getNumBatches").body)
	requireShows(t, call(http.MethodGet, "/api/updatePartitions?value=10001").body, "value", "10000", `"10001"`)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		target string
		status int
		shows  string
	}{
		{fmt.Errorf("%w: master-signal has 15, asked for 3", messages.ErrShrink), "/api/updatePartitions?value=3", 409, "master-signal has 15, asked for 3"},
		{fmt.Errorf("%w: batch size 7, allowed 1 to 5", messages.ErrRange), "/api/updateNumBatches?numBatches=7", 400, "batch size 7, allowed 1 to 5"},
		{fmt.Errorf("%w: canary", messages.ErrUnavailable), "/api/getPartitions", 503, pathReady},
		{errors.New("canary"), "/api/getNumBatches", 500, ""},
	} {
		f := newFake()
		f.err = c.err
		got := start(t, Config{Asker: f})(http.MethodGet, c.target)
		require.Equal(t, c.status, got.status)
		require.Equal(t, typeText, got.kind)
		requireShows(t, got.body, c.shows)
		require.NotContains(t, got.body, "canary")
		require.Equal(t, c.status == 503, got.header.Get("Retry-After") != "")
	}
	f := newFake()
	f.odd = true
	call := start(t, Config{Asker: f})
	for _, target := range []string{"/api/getNumBatches", "/api/getPartitions", "/api/getWorkersStatus"} {
		require.Equal(t, 500, call(http.MethodGet, target).status)
	}
}

func TestShrinkOverTheAPI(t *testing.T) {
	t.Parallel()
	f := newFake()
	got := start(t, Config{Asker: f})(http.MethodGet, "/api/updatePartitions?value=14")
	require.Equal(t, 409, got.status)
	require.Contains(t, got.body, "master-signal has 15, asked for 14")
	require.Zero(t, f.changes)
}

func FuzzParseCount(f *testing.F) {
	for _, s := range []string{"1", "0", "007", "1000000", "1000001", "+1", " 1", "1e3", "٣", "", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseCount(text, messages.MaxBatchSize)
		if !ok {
			return
		}
		require.True(t, n >= 1 && n <= messages.MaxBatchSize)
		require.Equal(t, fmt.Sprint(n), strings.TrimLeft(text, "0"))
	})
}

func FuzzCount(f *testing.F) {
	f.Add("value=5")
	f.Add("value=5&value=6")
	f.Add("value=%00%ff")
	f.Fuzz(func(t *testing.T, query string) {
		n, err := count(query, "value", 100)
		if err == nil {
			require.True(t, n >= 1 && n <= 100)
			return
		}
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 400)
	})
}
