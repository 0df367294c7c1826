package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// Each standstill that people meet is named by /readyz?verbose and by status, by its kind and
// with its place, and what they offer against it ends it. All is done by processes of their own.

// shown is a problem as status shows it to programs.
type shown struct {
	Kind, Path, Worker, Chunk string
	Cures                     []struct{ Text, Command string }
}

// problems asks status for the problems.
func (s *site) problems() (list []shown) {
	code, text := s.own("status", "-o", "json")
	var o struct{ Problems []shown }
	if code != app.ExitOK || json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	return o.Problems
}

// own runs a command of the program for the master of this site.
func (s *site) own(args ...string) (code int, text string) {
	var out, errs bytes.Buffer
	code = app.Run(context.Background(), args, s.lookup, &out, &errs)
	return code, out.String() + errs.String()
}

// find returns the problem of a kind.
func (s *site) find(kind messages.ProblemKind) (p shown, there bool) {
	list := s.problems()
	n := slices.IndexFunc(list, func(x shown) bool { return x.Kind == string(kind) })
	if n < 0 {
		return p, false
	}
	return list[n], true
}

// named waits until the problem is named, and returns it. since is when the cause began.
func (s *site) named(kind messages.ProblemKind, since time.Time) (p shown) {
	s.t.Helper()
	require.Eventually(s.t, func() (there bool) {
		p, there = s.find(kind)
		return there
	}, time.Minute, 50*time.Millisecond, "%s is not named", kind) // for a hang: machines that test are slow
	s.t.Logf("%s is named after %.1f s", kind, time.Since(since).Seconds())
	mark := regexp.QuoteMeta(string(kind))
	for _, c := range p.Cures {
		require.NotEmpty(s.t, c.Text)
	}
	require.Eventually(s.t, func() bool {
		_, verbose := s.get("/readyz?verbose")
		_, status := s.own("status")
		if !regexp.MustCompile(`(?m) \(` + mark + `, for \d+ s\)$`).MatchString(verbose) {
			return false
		}
		for _, c := range p.Cures {
			if c.Command != "" && !strings.Contains(verbose, ": "+c.Command+"\n") {
				return false
			}
		}
		return regexp.MustCompile(`(?m)\(` + mark + `, for [^)]+\)$`).MatchString(status)
	}, time.Minute, 50*time.Millisecond)
	return p
}

// gone waits until no problem of the kind is left, since what was offered was done.
func (s *site) gone(kind messages.ProblemKind) {
	s.t.Helper()
	since := time.Now()
	require.Eventually(s.t, func() bool {
		_, there := s.find(kind)
		_, verbose := s.get("/readyz?verbose")
		return !there && !strings.Contains(verbose, "("+string(kind)+", ")
	}, time.Minute, 50*time.Millisecond, "%s stays", kind)
	s.t.Logf("%s is over %.1f s later", kind, time.Since(since).Seconds())
}

// do runs one of the offered commands, with more arguments.
func (s *site) do(p shown, verb string, more ...string) string {
	s.t.Helper()
	for _, c := range p.Cures {
		words := strings.Fields(c.Command)
		if len(words) > 1 && words[1] == verb {
			code, text := s.own(append(words[1:], more...)...)
			require.Equal(s.t, app.ExitOK, code, "%s: %s", c.Command, text)
			return text
		}
	}
	require.Fail(s.t, "not offered", "%s among %+v", verb, p.Cures)
	return ""
}

// standstillSite is a site whose master has no workers of its own.
func standstillSite(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("a standstill takes its time")
	}
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"], s.vars["BATCH_SIZE"], s.vars["PREFETCH"] = "0", "10", "0"
	return s
}

// hand starts a worker with a command.
func (s *site) hand(id string, args ...string) *process {
	return s.command(roleMaster, append([]string{"worker", "--worker-id", id, "--results", filepath.Join(s.dir, "data", "results")}, args...))
}

// script writes a shell script for a command.
func (s *site) script(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
	return "sh " + path
}

// touch makes a file that a script looks for.
func (s *site) touch(name string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), nil, 0o600))
}

// endsWell waits until the file has ended with all of its items done.
func (s *site) endsWell(m *process, path string, items int64) {
	s.t.Helper()
	m.out.awaitLine(s.t, func(l logLine) bool {
		return isFileEnded(l) && l.text("file") == path && l.text("state") == messages.FileDone.String() && l.number("done") == items
	})
}

func TestNoWorkerIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	since := time.Now()
	s.drop("a.txt", numbered(30))
	p := s.named(messages.ProblemNoWorkers, since)
	words := strings.Fields(p.Cures[0].Command)
	at := slices.Index(words, "worker") // behind the program as it was called
	require.Positive(t, at, p.Cures[0].Command)
	s.command(roleMaster, append(words[at:], "--exec", "cat"))
	s.gone(messages.ProblemNoWorkers)
	s.endsWell(m, "a.txt", 30)
}

func TestTypoInTheCommandIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.drop("a.txt", numbered(100))
	for _, command := range [][]string{{"--each", "prboe {}"}, {"--exec", "prboe"}} {
		since := time.Now()
		w := s.hand("w-1", command...)
		p := s.named(messages.ProblemUnfitWorker, since)
		require.Equal(t, "w-1", p.Worker)
		s.do(p, "attempts")
		w.kill()
		s.hand("w-1", "--exec", "cat")
		s.gone(messages.ProblemUnfitWorker)
		s.endsWell(m, "a.txt", 100)
		s.drop("a.txt", append(numbered(100), command[0])) // another version, for the next command
	}
}

// A command that is there, but refuses its options, fails whatever it gets.
func TestTypoInAnOptionIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	s.vars["MAX_ATTEMPTS"], s.vars["BISECT"] = "1", "false"
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.drop("a.txt", numbered(2000))
	since := time.Now()
	w := s.hand("w-1", "--exec", "sleep 0.2; grep --tpyo x")
	p := s.named(messages.ProblemAllFails, since)
	require.Equal(t, []string{"a.txt", "w-1"}, []string{p.Path, p.Worker})
	s.do(p, "attempts")
	s.do(p, "pause")
	paused := s.named(messages.ProblemDispatch, time.Now())
	w.kill()
	s.hand("w-2", "--exec", "cat")
	s.do(paused, "resume")
	s.gone(messages.ProblemDispatch)
	s.gone(messages.ProblemAllFails)
	m.out.awaitLine(t, isFileEnded)
	require.Contains(t, s.do(p, "dead", "--yes"), "run again")
	s.endsWell(m, "a.txt", 2000)
}

// hangs is a command that hangs at one line until a file is there.
const hangs = `while read x; do
	case $x in 10.0.0.155) test -e ok || exec sleep 1000;; esac
	echo "$x"
done
sleep 0.05
`

func TestHungCommandIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.hand("w-1", "--exec", s.script("hangs", hangs))
	s.drop("a.txt", numbered(400))
	var since time.Time
	require.Eventually(t, func() bool {
		list, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
		since = time.Now()
		return len(list) == 15 // the next one hangs
	}, time.Minute, 10*time.Millisecond)
	p := s.named(messages.ProblemStalledChunk, since)
	require.Equal(t, []string{"a.txt", "w-1", "a_chunk_15"}, []string{p.Path, p.Worker, p.Chunk})
	s.touch("ok")
	s.do(p, "recall")
	s.gone(messages.ProblemStalledChunk)
	s.endsWell(m, "a.txt", 400)
}

// While no chunk of a file has ended, nobody can tell whether the command is slow.
func TestCommandThatHangsAtOnceIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	w := s.hand("w-1", "--exec", "test -e ok || exec sleep 1000; cat")
	since := time.Now()
	s.drop("a.txt", numbered(40))
	p := s.named(messages.ProblemNoResultYet, since)
	require.Equal(t, []string{"a.txt", "w-1", "a_chunk_0"}, []string{p.Path, p.Worker, p.Chunk})
	s.touch("ok")
	s.do(p, "recall")
	s.gone(messages.ProblemNoResultYet)
	s.endsWell(m, "a.txt", 40)
	require.Equal(t, app.ExitOK, w.terminate())
}

func TestSlowWorkerAtTheEndIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.hand("w-slow", "--each", "sh -c 'sleep 3; echo {}'", "--jobs", "1")
	since := time.Now()
	s.drop("a.txt", numbered(400))
	require.Eventually(t, func() bool {
		_, text := s.get("/api/v1/workers/w-slow")
		return strings.Contains(text, `"running":[{`)
	}, time.Minute, 20*time.Millisecond)
	s.hand("w-fast", "--exec", "cat")
	p := s.named(messages.ProblemSlowTail, since)
	require.Equal(t, []string{"a.txt", "w-slow"}, []string{p.Path, p.Worker})
	require.Contains(t, s.do(p, "drain"), "w-slow")
	s.do(p, "recall")
	s.gone(messages.ProblemSlowTail)
	s.endsWell(m, "a.txt", 400)
}

// The broker runs in a process of its own.
func TestBrokerAwayIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	b := newSite(t)
	b.vars["EMBEDDED_WORKERS"] = "0"
	broker := b.spawn(roleMaster)
	broker.out.awaitLine(t, isLeading)
	delete(s.vars, "KAFKA_BROKER_PORT")
	s.vars["KAFKA_BROKER_ADDRESS"] = b.broker()
	for _, topic := range []string{"MASTER", "WORKER", "WORKER_FREE", "MASTER_HEARTBEAT"} {
		s.vars["KAFKA_TOPIC_NAME_"+topic] = "standstill-" + strings.ToLower(topic)
	}
	s.brokerAway(func() { broker.kill() }, func() { broker = b.spawn(roleMaster) })
}

func TestKafkaAwayIsNamed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts a Kafka")
	}
	s, k := kafkaSite(t, infratest.KafkaConfig{})
	s.brokerAway(k.Kill, k.Start)
}

// brokerAway takes the broker away in the middle of a file, and brings it back.
func (s *site) brokerAway(away, back func()) {
	s.t.Helper()
	m := s.spawn(roleMaster)
	m.out.awaitLine(s.t, isLeading)
	s.hand("w-1", "--exec", "sleep 0.05; cat")
	s.drop("a.txt", numbered(1000))
	s.awaitResults(5)
	since := time.Now()
	away()
	s.named(messages.ProblemKafka, since)
	code, text := s.own("doctor")
	require.NotEqual(s.t, app.ExitOK, code, "it is offered, and finds the broker")
	require.Contains(s.t, text, s.vars["KAFKA_BROKER_ADDRESS"])
	back()
	s.gone(messages.ProblemKafka)
	s.endsWell(m, "a.txt", 1000)
}

func TestFileChangedUnderWayIsNamed(t *testing.T) {
	t.Parallel()
	s := standstillSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.hand("w-1", "--exec", "sleep 0.1; cat")
	s.drop("a.txt", numbered(1000))
	s.awaitResults(5)
	since := time.Now()
	s.drop("a.txt", numbered(500))
	p := s.named(messages.ProblemChanged, since)
	require.Equal(t, "a.txt", p.Path)
	require.Contains(t, s.do(p, "file"), "changed")
	require.Contains(t, s.do(p, "acknowledge"), "a.txt")
	s.gone(messages.ProblemChanged)
	s.endsWell(m, "a.txt", 500)
}
