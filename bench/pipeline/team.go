package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// team is the worker processes of a scenario.
type team struct {
	children []*child
	printed  []*bytes.Buffer
}

func startTeam(s scenario, dir, brokers, prefix string) (*team, error) {
	t := &team{}
	each := s.workers / s.processes
	for i := range s.processes {
		var out bytes.Buffer
		work := s.work
		if i == 0 && s.slow > 0 {
			work = s.slow
		}
		args := []string{
			workersCommand, "--brokers", brokers, "--topics", prefix, "--work", work.String(),
			"--first", strconv.Itoa(1 + i*each), "--count", strconv.Itoa(each),
		}
		if s.results {
			args = append(args, "--results", filepath.Join(dir, "results"))
		}
		c, err := startChild("workers", "", args, nil, func(cmd *exec.Cmd) error {
			cmd.Stdout, cmd.Stderr = &out, os.Stderr
			return nil
		})
		if err != nil {
			return nil, errors.Join(err, t.stop())
		}
		c.reap()
		t.children, t.printed = append(t.children, c), append(t.printed, &out)
	}
	return t, nil
}

func (t *team) pids() []int {
	var all []int
	for _, c := range t.children {
		all = append(all, c.pid())
	}
	return all
}

func (t *team) stop() error {
	var all error
	for _, c := range t.children {
		all = errors.Join(all, c.stop())
	}
	return all
}

// diaries returns what the workers did, once they stopped.
func (t *team) diaries() ([]diary, error) {
	var all []diary
	for _, out := range t.printed {
		var some []diary
		if err := json.Unmarshal(out.Bytes(), &some); err != nil {
			return nil, fmt.Errorf("read what the workers printed: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}
