package logstore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/logstore"
)

// With any damage of a page of a former file the store opens, or returns an error of one
// line with the cure; nothing ends the process.
func TestDamagedFormerFile(t *testing.T) {
	good := filepath.Join(t.TempDir(), "state.db")
	writeFormer(t, good, map[string]any{"format": 1, "term": 1, "holder": "old", "number": 3, "batch": "b3"})
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	var harms [][]byte
	for n := 1; n < len(whole); n += 2000 {
		harms = append(harms, whole[:n])
	}
	for at, page := 0, os.Getpagesize(); at < len(whole); at += page {
		zeros, noise := bytes.Clone(whole), bytes.Clone(whole)
		clear(zeros[at : at+page])
		for i := range page {
			noise[at+i] = byte(i*7 + 13)
		}
		harms = append(harms, zeros, noise)
	}
	refused := 0
	for _, harm := range harms {
		dir := t.TempDir()
		cfg := config(filepath.Join(dir, "state"), logstore.SyncAlways)
		cfg.Former = filepath.Join(dir, "state.db")
		require.NoError(t, os.WriteFile(cfg.Former, harm, 0o600))
		s, err := logstore.Open(cfg)
		if err == nil {
			require.NoError(t, s.Close())
			continue
		}
		refused++
		require.ErrorContains(t, err, cfg.Former)
		require.NotContains(t, err.Error(), "\n")
	}
	require.Greater(t, refused, 3)
}
