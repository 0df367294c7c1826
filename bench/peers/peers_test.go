package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRatiosAreWithinARepetition(t *testing.T) {
	all := []measurement{
		{System: anchor, Repetition: 1, ChunkRate: 100}, {System: "x", Repetition: 1, ChunkRate: 300}, {System: anchor, Repetition: 1, ChunkRate: 300},
		{System: anchor, Repetition: 2, ChunkRate: 50}, {System: "x", Repetition: 2, ChunkRate: 200}, {System: anchor, Repetition: 2, ChunkRate: 50},
	}
	rate(all)
	rows := summarise(all)
	require.Len(t, rows, 2)
	require.Equal(t, []float64{4, 1.5, 4}, []float64{rows[1].ratio, rows[1].least, rows[1].most})
	require.Equal(t, []float64{300, 200, 300}, []float64{rows[1].median, rows[1].low, rows[1].high})
	require.NoError(t, xml.Unmarshal(plot(rows), new(any)))
}

// The whole comparison, short: every system does all of its work.
func TestComparisonRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs and starts servers")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: make services-install installs it")
	}
	t.Chdir("../..")
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-chunks", "200", "-repeat", "1", "-patience", "0s", "-out", dir}, &out))
	text, err := os.ReadFile(filepath.Join(dir, "peers.json"))
	require.NoError(t, err)
	var all []measurement
	require.NoError(t, json.Unmarshal(text, &all))
	require.GreaterOrEqual(t, len(all), 9)
	for _, m := range all {
		require.Positive(t, m.ChunkRate, m.System)
	}
}
