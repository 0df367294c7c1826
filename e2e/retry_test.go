package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
)

// brokenHandler writes a handler that fails at some items until it is repaired.
func (s *site) brokenHandler(script string) (path string, repair func()) {
	s.t.Helper()
	path, marker := filepath.Join(s.dir, "handler.sh"), filepath.Join(s.dir, "repaired")
	require.NoError(s.t, os.WriteFile(path, []byte("#!/bin/sh\nrepaired() { [ -e '"+marker+"' ]; }\n"+script), 0o755))
	return path, func() { require.NoError(s.t, os.WriteFile(marker, nil, 0o644)) }
}

// A handler fails until it is repaired: as a command for a chunk that is killed by one of
// its lines, and as a command for each item. What is dead or failed is then run again, and
// nothing is left of it, although the master is killed in between.
func TestRepairedHandler(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts a master twice and two workers")
	}
	for command, c := range map[string]struct {
		script string
		flag   string
		ended  string // figures of the file before the retry
	}{
		"dead": {
			"while read l; do repaired || [ $l != 10.0.1.77 ] || kill -9 $$; echo \"{\\\"item\\\":\\\"$l\\\"}\"; done", "--exec",
			`"items_done":999,"items_failed":0,"items_dead":1,`,
		},
		"failed": {
			"case $1 in *77) repaired || exit 3;; esac; echo \"{\\\"item\\\":\\\"$1\\\"}\"", "--each",
			`"items_done":992,"items_failed":8,"items_dead":0,`,
		},
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.vars["EMBEDDED_WORKERS"], s.vars["MAX_ATTEMPTS"], s.vars["BATCH_SIZE"] = "0", "2", "250"
			handler, repair := s.brokenHandler(c.script)
			if c.flag == "--each" {
				handler += " {}"
			}
			s.drop("a.txt", numbered(1000))
			p := s.spawn(roleMaster)
			p.out.awaitLine(t, isLeading)
			for n := range 2 {
				s.command(roleMaster, []string{"worker", c.flag, handler}, fmt.Sprint("WORKER_ID=w", n))
			}
			await := func(figures string) {
				require.Eventually(t, func() bool {
					_, body := s.get("/api/v1/files/1")
					return strings.Contains(body, figures) && !strings.Contains(body, `"ended_at":null`)
				}, 2*time.Minute, 50*time.Millisecond)
			}
			await(c.ended)
			repair()
			retry := s.command(roleMaster, []string{command, "retry", "--all", "--yes"})
			<-retry.dead
			require.Equal(t, app.ExitOK, retry.cmd.ProcessState.ExitCode(), retry.out.text())
			require.Contains(t, retry.out.text(), "run again")
			p.kill()
			p = s.spawn(roleMaster)
			await(`"items_done":1000,"items_failed":0,"items_dead":0,`)
			list := s.command(roleMaster, []string{command, "ls"})
			<-list.dead
			require.Contains(t, list.out.text(), "matches.")
			var want []string
			for _, item := range numbered(1000) {
				want = append(want, fmt.Sprintf(`{"item":%q}`, item))
			}
			require.Eventually(t, func() bool {
				text, _ := os.ReadFile(filepath.Join(s.dir, "data", "results", "a.txt.jsonl"))
				return string(text) == strings.Join(want, "\n")+"\n"
			}, time.Minute, 50*time.Millisecond, "the merged result is in the order of the input")
			code, text := s.verify("a.txt")
			require.Equal(t, app.ExitOK, code, text)
			require.Equal(t, app.ExitOK, p.terminate())
		})
	}
}
