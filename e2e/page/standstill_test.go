package page

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kafka-master/infra/infratest"
)

// What stands still is named, with a link to its place, and what the page offers ends it.
func TestStandstills(t *testing.T) {
	needBrowser(t)
	port := infratest.FreePort(t)
	broker := newSite(t, "KAFKA_BROKER_PORT="+port)
	b := broker.master()
	s := newSite(t, "PREFETCH=0", "KAFKA_BROKER_ADDRESS=127.0.0.1:"+port,
		"KAFKA_TOPIC_NAME_MASTER=s1", "KAFKA_TOPIC_NAME_WORKER=s2", "KAFKA_TOPIC_NAME_WORKER_FREE=s3", "KAFKA_TOPIC_NAME_MASTER_HEARTBEAT=s4")
	s.vars = slices.DeleteFunc(s.vars, func(v string) bool { return strings.HasPrefix(v, "KAFKA_BROKER_PORT=") })
	s.master()
	all := s.steps()
	workers := map[string]*process{}
	all["run"] = func(argument string) (string, error) {
		id, rest, _ := strings.Cut(argument, " ")
		p, err := s.start(append([]string{"worker", "--worker-id", id}, s.commandOf(rest)...)...)
		workers[id] = p
		return "", err
	}
	all["command"] = func(argument string) (string, error) {
		shown, more, _ := strings.Cut(argument, "\nworker ")
		id, rest, _ := strings.Cut(more, " ")
		words := strings.Fields(shown)
		at := slices.Index(words, "worker") // behind the program as it was called
		if at < 0 {
			return "", fmt.Errorf("%q starts no worker", shown)
		}
		p, err := s.start(append(append(words[at:], "--worker-id", id), s.commandOf(rest)...)...)
		workers[id] = p
		return "", err
	}
	all["kill"] = func(id string) (string, error) { workers[id].end(); return "", nil }
	all["touch"] = func(name string) (string, error) { return "", os.WriteFile(filepath.Join(s.dir, name), nil, 0o600) }
	all["away"] = func(string) (string, error) { b.end(); return "", nil }
	all["back"] = func(string) (string, error) { _, err := broker.start(); return "", err }
	script(t, "standstill.mjs", s.url(), all)
}

// commandOf returns the flags of a worker; some commands have a name.
func (s *site) commandOf(text string) []string {
	named := map[string]string{
		"hangs":  `while read -r x; do case $x in "line 155") test -e ok || exec sleep 1000;; esac; echo "$x"; done; sleep 0.05`,
		"slow":   `sh -c 'sleep 3; echo "$0"' {}`,
		"steady": "sleep 0.2; cat",
	}
	words := strings.Fields(text)
	for i, word := range words {
		if command, ok := named[word]; ok {
			words[i] = command
		}
	}
	return words
}
