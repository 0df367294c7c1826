package page

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// From an empty deployment to work that is done, without a reload.
func TestLook(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := newSite(t)
	s.master()
	script(t, "look.mjs", s.url(), steps{"drop": s.dropStep, "worker": s.workerStep})
}

// A master that is killed leaves the last picture, and the page goes on by itself.
func TestFailover(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := newSite(t)
	require.NoError(t, s.drop("kept.txt", numbered(100)))
	m := s.master()
	script(t, "failover.mjs", s.url(), steps{
		"kill":  func(string) (string, error) { m.end(); return "", nil },
		"start": func(string) (string, error) { _, err := s.start(); return "", err },
	})
}

func TestToken(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := newSite(t, "API_TOKEN=secret")
	s.master()
	script(t, "token.mjs", s.url(), nil)
}

// master starts a master and waits until it leads.
func (s *site) master() *process {
	s.t.Helper()
	m, err := s.start()
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		resp, err := http.Get(s.url() + "readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 2*time.Minute, 50*time.Millisecond) // for a hang: machines that test are slow
	return m
}

// dropStep drops a file of 200 lines.
func (s *site) dropStep(name string) (string, error) { return "", s.drop(name, numbered(200)) }

// workerStep starts a worker, which takes its time for each chunk.
func (s *site) workerStep(id string) (string, error) {
	_, err := s.start("worker", "--worker-id", id, "--exec", "sleep 0.1; cat")
	return "", err
}
