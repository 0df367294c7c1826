package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// master is the process that is measured.
type master struct {
	*child
	port   int
	events chan event
	counts *json.Decoder // nil for a binary that counts nothing
	tail   []string      // last lines of its log; valid once it ended
}

// event is a line of the master's log.
type event struct {
	Time  time.Time `json:"time"`
	Msg   string    `json:"msg"`
	State string    `json:"state"`
	Items int64     `json:"items"`
	Done  int64     `json:"done"`
	Dead  int64     `json:"dead"`
}

// The lines that say when a file's work begins and ends.
const (
	msgTaken = "input file taken"
	msgEnded = "input file ended"
)

// startMaster starts a binary of the master; without one this program is the master, and
// counts what it does.
func startMaster(path, dir string, s scenario, b *broker, prefix string) (*master, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	m := &master{port: port, events: make(chan event, 16)}
	var args []string
	var inherited []*os.File
	if path == "" {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("make a pipe for the counts: %w", err)
		}
		defer w.Close()
		args, inherited, m.counts = []string{masterCommand}, []*os.File{w}, json.NewDecoder(r)
	}
	var log io.Reader
	m.child, err = startChild("master", path, args, masterEnv(dir, s, b, prefix, port), func(cmd *exec.Cmd) error {
		cmd.Dir, cmd.ExtraFiles = dir, inherited
		var err error
		log, err = cmd.StderrPipe()
		return err
	})
	if err != nil {
		return nil, err
	}
	m.reap(func() { m.follow(log) })
	return m, nil
}

func masterEnv(dir string, s scenario, b *broker, prefix string, port int) []string {
	t := topicsOf(prefix)
	env := append(b.masterEnv(),
		"KAFKA_TOPIC_NAME_MASTER="+t.chunks, "KAFKA_TOPIC_NAME_WORKER="+t.signals,
		"KAFKA_TOPIC_NAME_WORKER_FREE="+t.connections, "KAFKA_MASTER_HEARTBEAT_TOPIC="+t.heartbeats,
		"KAFKA_PARTITIONS="+strconv.Itoa(s.partitions),
		"DATA_DIR="+filepath.Join(dir, "data"), "CLIENT_DATA_PATH="+dir, "INPUT_DIR="+inputName,
		"SETTLE=0", "BATCH_SIZE="+strconv.Itoa(s.lines()),
		"API_SERVER_PORT="+strconv.Itoa(port), "LOG_FORMAT=json", "MASTER_ID=bench",
	)
	if s.prefetch != shipped {
		env = append(env, "PREFETCH="+strconv.Itoa(s.prefetch))
	}
	if url := redisURL(); url != "" {
		env = append(env, "REDIS_URL="+url)
	}
	return env
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// follow reads the master's log to its end.
func (m *master) follow(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m.tail = append(m.tail, lines.Text()); len(m.tail) > 20 {
			m.tail = m.tail[1:]
		}
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil && (e.Msg == msgTaken || e.Msg == msgEnded) {
			m.events <- e
		}
	}
	_, _ = io.Copy(io.Discard, log) // after a line that is too long
}

// await waits for a line of the log.
func (m *master) await(ctx context.Context, msg string) (event, error) {
	for {
		select {
		case e := <-m.events:
			if e.Msg == msg {
				return e, nil
			}
		case <-m.ended:
			return event{}, fmt.Errorf("the master ended: %v; its log ends with:\n%s", m.err, strings.Join(m.tail, "\n"))
		case <-ctx.Done():
			return event{}, fmt.Errorf("wait for %q of the master: %w", msg, ctx.Err())
		}
	}
}

// awaitWorkers waits until n workers have a free slot.
func (m *master) awaitWorkers(ctx context.Context, n int) error {
	for {
		free := m.freeWorkers(ctx)
		if free == n {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-m.ended:
			return fmt.Errorf("the master ended: %v; its log ends with:\n%s", m.err, strings.Join(m.tail, "\n"))
		case <-ctx.Done():
			return fmt.Errorf("wait for %d workers, %d are there: %w", n, free, ctx.Err())
		}
	}
}

// freeWorkers asks the API; 0 when there is no answer yet.
func (m *master) freeWorkers(ctx context.Context) int {
	body, err := m.get(ctx, "/api/getWorkersStatus")
	var workers map[string]string
	if err != nil || json.Unmarshal(body, &workers) != nil {
		return 0
	}
	free := 0
	for _, w := range workers {
		if w == "1" {
			free++
		}
	}
	return free
}

// get calls the API.
func (m *master) get(ctx context.Context, path string) (body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", m.port, path), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	body, err = io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s is answered with %s", path, res.Status)
	}
	return body, nil
}
