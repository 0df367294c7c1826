package page

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Numbers, times, and names in commands.
func TestFormat(t *testing.T) {
	needBrowser(t)
	script(t, "format.mjs", "", nil)
}

// From an empty deployment to work that is done, without a reload.
func TestLook(t *testing.T) {
	needBrowser(t)
	s := newSite(t)
	s.master()
	script(t, "look.mjs", s.url(), s.steps())
}

// Every action, and what the page shows afterwards.
func TestActions(t *testing.T) {
	needBrowser(t)
	s := newSite(t, "MAX_ATTEMPTS=1", "BISECT=false")
	s.master()
	script(t, "actions.mjs", s.url(), s.steps())
}

// Files that may still be written are shown before they are taken into work.
func TestWaiting(t *testing.T) {
	needBrowser(t)
	s := newSite(t, "SETTLE=1h")
	s.master()
	script(t, "waiting.mjs", s.url(), s.steps())
}

// A master that is killed leaves the last picture, and the page goes on by itself.
func TestFailover(t *testing.T) {
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
	needBrowser(t)
	s := newSite(t, "API_TOKEN=secret", "API_READ_TOKEN=look")
	s.master()
	script(t, "token.mjs", s.url(), nil)
}

// What the browser saves is what lies in the folder of the results.
func TestTakeHome(t *testing.T) {
	needBrowser(t)
	for name, vars := range map[string][]string{"without a token": nil, "with a token": {"API_TOKEN=secret", "API_READ_TOKEN=look"}} {
		t.Run(name, func(t *testing.T) {
			if vars != nil {
				t.Setenv("PAGE_TOKEN", "look")
			}
			s := newSite(t, vars...)
			s.master()
			script(t, "home.mjs", s.url(), s.homeSteps())
		})
	}
}

// homeSteps returns what a script about downloads may ask for:
//
//	mixed NAME     drop a file of 200 lines, of which 40 fail
//	worker ID      start a worker that does each line alone
//	folder NAME    the name of the folder of its results
//	result NAME    the content of a merged file
//	unmerge FOLDER remove the summary of a merge
func (s *site) homeSteps() steps {
	results := filepath.Join(s.dir, "data", "results")
	all := s.steps()
	all["mixed"] = func(name string) (string, error) {
		lines := numbered(200)
		for i := 0; i < len(lines); i += 5 {
			lines[i] = "bad " + lines[i]
		}
		return "", s.drop(name, lines)
	}
	all["worker"] = func(id string) (string, error) {
		_, err := s.start("worker", "--worker-id", id, "--jobs", "4", "--each", "sh -c 'case $0 in bad*) exit 3;; esac; echo done $0' {}")
		return "", err
	}
	all["folder"] = func(name string) (string, error) { return messages.ResultFolder(name), nil }
	all["result"] = func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(results, name))
		return string(text), err
	}
	all["unmerge"] = func(folder string) (string, error) {
		return "", os.Remove(filepath.Join(results, folder+".summary.json"))
	}
	return all
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

// steps returns what scripts may ask for:
//
//	drop NAME [LINES]  drop a file of 200 lines, or another number
//	bad NAME LINES     the same, but workers fail its chunks
//	good               workers fail none any more
//	worker ID          start a worker, which takes its time for each chunk
//	kill ID            end it by kill -9
func (s *site) steps() steps {
	workers := map[string]*process{}
	good := filepath.Join(s.dir, "good")
	return steps{
		"drop": func(argument string) (string, error) {
			name, lines := nameAndLines(argument, 200)
			return "", s.drop(name, numbered(lines))
		},
		"bad": func(argument string) (string, error) {
			name, lines := nameAndLines(argument, 200)
			return "", s.drop(name, slices.Repeat([]string{"bad"}, lines))
		},
		"good": func(string) (string, error) { return "", os.WriteFile(good, nil, 0o644) },
		"worker": func(id string) (string, error) {
			p, err := s.start("worker", "--worker-id", id, "--exec", "sleep 0.1; ! grep -q bad || test -e '"+good+"'")
			workers[id] = p
			return "", err
		},
		"kill": func(id string) (string, error) { workers[id].end(); return "", nil },
	}
}

// nameAndLines reads the argument of a step: a name, and perhaps a number behind it.
func nameAndLines(argument string, lines int) (string, int) {
	if at := strings.LastIndexByte(argument, ' '); at >= 0 {
		if n, err := strconv.Atoi(argument[at+1:]); err == nil {
			return argument[:at], n
		}
	}
	return argument, lines
}
