package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafka-master/app"
)

const (
	churnTimeout    = 10 * time.Second // WORKER_TIMEOUT of these tests
	churnBatch      = 25
	churnItems      = 1000 // items of a file
	churnPartitions = 8
	churnMembersMin = 4
	churnMembersMax = 6
)

// churn is a group of classic workers whose members change all the time.
type churn struct {
	*site
	rng          *rand.Rand
	suffix       string // suffix of the topics
	interpreters []string
	master       *process
	members      []*member  // workers that are alive
	all          []*process // all workers so far
	events       []churnEvent
	files        int // files in the input folder
	serial       int // number of the next new worker
	repeats      int // results of the files that did not count, as the API reports them
}

// member is a classic worker that is alive.
type member struct {
	id        string
	p         *process
	suspended int // steps until it continues, 0 while it runs
}

// churnEvent is something that was done to a worker.
type churnEvent struct {
	at   time.Time
	id   string
	what string
}

// pythons returns interpreters with the client library of the classic workers: those in
// CLASSIC_PYTHON, a list like PATH, or that of the system.
func pythons(t *testing.T) []string {
	t.Helper()
	if list := filepath.SplitList(os.Getenv("CLASSIC_PYTHON")); len(list) > 0 {
		return list
	}
	return []string{python(t)}
}

// Classic workers join, leave, are suspended, continue and are killed at random. No line is
// lost or counted twice, no worker has two chunks, and no chunk counts as lost because other
// workers come and go. CHURN_SECONDS and CHURN_SEED set the duration and the order; measured
// times are logged.
func TestClassicWorkersChurnOnRealKafka(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 40 s")
	}
	seed := times(t, "CHURN_SEED", 1)
	c := newChurn(t, uint64(seed))
	watch := c.watchGroup()
	c.run(time.Duration(times(t, "CHURN_SECONDS", 12)) * time.Second)
	c.finish()
	c.check(watch.end())
}

func newChurn(t *testing.T, seed uint64) *churn {
	t.Helper()
	c := &churn{interpreters: pythons(t), site: realSite(t, 12), rng: rand.New(rand.NewPCG(seed, 0))}
	c.suffix = strings.TrimPrefix(c.vars["KAFKA_TOPIC_NAME_MASTER"], "chunks")
	c.vars["KAFKA_WORKER_GROUP"], c.vars["BATCH_SIZE"] = "classic"+c.suffix, strconv.Itoa(churnBatch)
	c.vars["WORKER_TIMEOUT"], c.vars["MAX_ATTEMPTS"] = churnTimeout.String(), "50"
	c.oldChunks(600)
	c.master = c.spawn(roleMaster)
	c.master.out.awaitLine(t, isLeading)
	for range churnMembersMin {
		c.join()
	}
	return c
}

// oldChunks creates the chunk topic with messages for workers that do not exist.
func (c *churn) oldChunks(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.vars["KAFKA_BROKER_ADDRESS"]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(c.t, err)
	defer client.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = c.vars["KAFKA_TOPIC_NAME_MASTER"], churnPartitions, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	_, err = request.RequestWith(c.t.Context(), client)
	require.NoError(c.t, err)
	records := make([]*kgo.Record, n)
	for i := range records {
		value := `{"id":"gone","batchId":"old_chunk_` + strconv.Itoa(i) + `","data":["x"]}`
		records[i] = &kgo.Record{Topic: topic.Topic, Partition: int32(i % churnPartitions), Value: []byte(value)}
	}
	require.Eventually(c.t, func() bool { // a new topic may have no leader yet
		return client.ProduceSync(c.t.Context(), records...).FirstErr() == nil
	}, time.Minute, 100*time.Millisecond)
}

// join starts a new worker, or the worker that ended last again.
func (c *churn) join() {
	id := "c" + strconv.Itoa(c.serial)
	if n := len(c.events); n > 0 && c.rng.IntN(3) == 0 && !c.alive(c.events[n-1].id) {
		id = c.events[n-1].id
	} else {
		c.serial++
	}
	interpreter := c.interpreters[len(c.all)%len(c.interpreters)]
	p := c.start(exec.Command(interpreter, classicScript(c.t), c.vars["KAFKA_BROKER_ADDRESS"], id, "0.015", "0.01", c.suffix))
	c.members = append(c.members, &member{id: id, p: p})
	c.all = append(c.all, p)
	c.record("join", id)
}

func (c *churn) alive(id string) bool {
	return slices.ContainsFunc(c.members, func(m *member) bool { return m.id == id })
}

func (c *churn) record(what, id string) {
	c.events = append(c.events, churnEvent{time.Now(), id, what})
}

// run changes the group for a time. Its pauses are the random schedule, and do not wait for
// anything.
func (c *churn) run(length time.Duration) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		for c.files < c.ended()+3 {
			c.dropFile()
		}
		c.resume()
		if len(c.members) < churnMembersMin {
			c.join()
		} else {
			c.disturb()
		}
		time.Sleep(time.Duration(300+c.rng.IntN(5000)) * time.Millisecond)
	}
}

func (c *churn) dropFile() {
	c.drop("f"+strconv.Itoa(c.files)+".txt", numbered(churnItems))
	c.files++
}

func (c *churn) ended() int { return len(c.master.out.lines(isFileEnded)) }

// resume continues suspended workers after their number of steps.
func (c *churn) resume() {
	for _, m := range c.members {
		if m.suspended == 0 {
			continue
		}
		if m.suspended--; m.suspended == 0 {
			c.signal(m, syscall.SIGCONT, "continue")
		}
	}
}

func (c *churn) signal(m *member, s syscall.Signal, what string) {
	c.record(what, m.id)
	require.NoError(c.t, m.p.cmd.Process.Signal(s))
}

// disturb changes one thing in the group.
func (c *churn) disturb() {
	at := c.rng.IntN(len(c.members))
	m := c.members[at]
	switch n := c.rng.IntN(10); {
	case n < 5 && len(c.members) < churnMembersMax:
		c.join()
	case m.suspended > 0:
	case n < 8:
		c.signal(m, syscall.SIGTERM, "leave")
		c.members = slices.Delete(c.members, at, at+1)
	case n < 9:
		c.record("kill", m.id)
		m.p.kill()
		c.members = slices.Delete(c.members, at, at+1)
	default:
		c.signal(m, syscall.SIGSTOP, "suspend")
		m.suspended = 1 + c.rng.IntN(4)
	}
}

// finish waits for the end of the files, keeps what the API reports about them, and ends all
// processes.
func (c *churn) finish() {
	for _, m := range c.members {
		if m.suspended > 0 {
			c.signal(m, syscall.SIGCONT, "continue")
		}
	}
	require.Eventually(c.t, func() bool { return c.ended() == c.files }, 4*time.Minute, 50*time.Millisecond)
	for _, f := range c.fileReports() {
		c.repeats += f.Repeats
		require.Zero(c.t, f.Duplicates, "%s: nothing was counted twice", f.Path)
	}
	require.Equal(c.t, app.ExitOK, c.master.terminate())
	for _, p := range c.all {
		p.kill()
	}
}

// fileReport is a part of what the API reports about a file.
type fileReport struct {
	ID                  int
	Path                string
	Repeats, Duplicates int
}

// fileReports returns what the API reports about all files.
func (s *site) fileReports() []fileReport {
	s.t.Helper()
	var list struct{ Files []fileReport }
	s.getJSON("/api/v1/files?limit=1000", &list)
	for i, f := range list.Files {
		s.getJSON("/api/v1/files/"+strconv.Itoa(f.ID), &list.Files[i])
	}
	return list.Files
}

// getJSON reads a JSON answer of the API.
func (s *site) getJSON(path string, answer any) {
	s.t.Helper()
	status, body := s.get(path)
	require.Equal(s.t, 200, status, body)
	require.NoError(s.t, json.Unmarshal([]byte(body), answer))
}
