package app

import (
	"bytes"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/httpapi"
	"kafka-master/messages"
)

// A new version that was just put into the folder is waited for, and not the old one, which
// has ended.
func TestWaitForTheNewVersion(t *testing.T) {
	t.Parallel()
	m := exampleMaster(time.Now())
	m.onRescan = func(m *fakeMaster) {
		m.waiting = append(m.waiting, messages.WaitingFile{Info: messages.FileInfo{Path: "old.txt"}})
		m.onLook = func(m *fakeMaster, look int) {
			if look == 3 {
				m.waiting = nil
				m.files = append(m.files, &messages.FileStatus{File: &messages.File{
					ID: 4, Generation: 2, State: messages.FileDone, Info: messages.FileInfo{Path: "old.txt"}, Items: 7, DoneItems: 7, Ended: time.Now(),
				}})
			}
		}
	}
	require.Equal(t, "old.txt (version 2): done, 7 done, 0 failed, 0 dead\n", waitFor(t, httpapi.Config{Asker: m}, "old.txt"))
}

// Who may only read waits for what the master knows.
func TestWaitWithoutRescan(t *testing.T) {
	t.Parallel()
	m := exampleMaster(time.Now())
	m.onRescan = func(*fakeMaster) { t.Error("the master may only be read") }
	require.Equal(t, "old.txt: done, 2,000 done, 0 failed, 0 dead\n", waitFor(t, httpapi.Config{Asker: m, ReadOnly: true}, "old.txt"))
}

// waitFor waits for files, and returns what is printed.
func waitFor(t *testing.T, cfg httpapi.Config, names ...string) string {
	t.Helper()
	server := httptest.NewServer(httpapi.New(cfg).Handler())
	defer server.Close()
	var out bytes.Buffer
	c := command{stdout: &out, stderr: &bytes.Buffer{}}
	w := &waiting{remote: &remote{command: c, client: &apiClient{base: server.URL}}, progress: newProgress(c, true)}
	require.NoError(t, w.run(t.Context(), names))
	return out.String()
}
