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
	churnItems      = 1000 // of a file
	churnPartitions = 8
	churnCrewMin    = 4
	churnCrewMax    = 6
)

// churn is a pool of classic workers that never comes to rest.
type churn struct {
	*site
	rng          *rand.Rand
	suffix       string
	interpreters []string
	master       *process
	crew         []*member  // alive
	all          []*process // that ever ran
	harms        []harm
	files        int
	serial       int
}

// member is a classic worker that is alive.
type member struct {
	id      string
	p       *process
	stopped int // steps until it goes on, 0 when it runs
}

// harm is what was done to a worker.
type harm struct {
	at   time.Time
	id   string
	what string
}

// pythons returns interpreters that have the classic workers' client library:
// those in CLASSIC_PYTHON, a list like PATH, or the system's own.
func pythons(t *testing.T) []string {
	t.Helper()
	if list := filepath.SplitList(os.Getenv("CLASSIC_PYTHON")); len(list) > 0 {
		return list
	}
	return []string{python(t)}
}

// Classic workers join, leave, stop, go on and are killed at random. No line is
// lost or counted twice, no worker has two chunks, and nobody's chunk is thought
// lost because others come and go. CHURN_SECONDS and CHURN_SEED set how long and
// in which order; the measured times are logged.
func TestClassicWorkersChurnOnRealKafka(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 40 s")
	}
	seed := times(t, "CHURN_SEED", 1)
	c := newChurn(t, uint64(seed))
	watch := c.watchGroup()
	c.run(time.Duration(times(t, "CHURN_SECONDS", 12)) * time.Second)
	c.settle()
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
	c.master.out.await(t, `"msg":"this master leads"`)
	for range churnCrewMin {
		c.join()
	}
	return c
}

// oldChunks makes the chunk topic, with messages for workers that are gone.
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

// join starts a new worker, or one that was here before.
func (c *churn) join() {
	id := "c" + strconv.Itoa(c.serial)
	if n := len(c.harms); n > 0 && c.rng.IntN(3) == 0 && !c.alive(c.harms[n-1].id) {
		id = c.harms[n-1].id
	} else {
		c.serial++
	}
	interpreter := c.interpreters[len(c.all)%len(c.interpreters)]
	p := c.start(exec.Command(interpreter, classicScript(c.t), c.vars["KAFKA_BROKER_ADDRESS"], id, "0.015", "0.01", c.suffix))
	c.crew = append(c.crew, &member{id: id, p: p})
	c.all = append(c.all, p)
	c.note("join", id)
}

func (c *churn) alive(id string) bool {
	return slices.ContainsFunc(c.crew, func(m *member) bool { return m.id == id })
}

func (c *churn) note(what, id string) {
	c.harms = append(c.harms, harm{time.Now(), id, what})
}

// run is the churn. Its pauses are the random schedule and wait for nothing.
func (c *churn) run(length time.Duration) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		for c.files < c.ended()+3 {
			c.dropFile()
		}
		c.goOn()
		if len(c.crew) < churnCrewMin {
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

func (c *churn) ended() int { return strings.Count(c.master.out.text(), `"msg":"input file ended"`) }

// goOn wakes stopped workers whose time has come.
func (c *churn) goOn() {
	for _, m := range c.crew {
		if m.stopped == 0 {
			continue
		}
		if m.stopped--; m.stopped == 0 {
			c.signal(m, syscall.SIGCONT, "go on")
		}
	}
}

func (c *churn) signal(m *member, s syscall.Signal, what string) {
	c.note(what, m.id)
	require.NoError(c.t, m.p.cmd.Process.Signal(s))
}

// disturb does one thing to the pool.
func (c *churn) disturb() {
	at := c.rng.IntN(len(c.crew))
	m := c.crew[at]
	switch n := c.rng.IntN(10); {
	case n < 5 && len(c.crew) < churnCrewMax:
		c.join()
	case m.stopped > 0:
	case n < 8:
		c.signal(m, syscall.SIGTERM, "leave")
		c.crew = slices.Delete(c.crew, at, at+1)
	case n < 9:
		c.note("kill", m.id)
		m.p.kill()
		c.crew = slices.Delete(c.crew, at, at+1)
	default:
		c.signal(m, syscall.SIGSTOP, "stop")
		m.stopped = 1 + c.rng.IntN(4)
	}
}

// settle ends the churn and waits for the files.
func (c *churn) settle() {
	for _, m := range c.crew {
		if m.stopped > 0 {
			c.signal(m, syscall.SIGCONT, "go on")
		}
	}
	require.Eventually(c.t, func() bool { return c.ended() == c.files }, 4*time.Minute, 50*time.Millisecond)
	require.Equal(c.t, app.ExitOK, c.master.terminate())
	for _, p := range c.all {
		p.kill()
	}
}

// lines returns what a process printed as JSON.
func jsonLines[T any](p *process) (out []T) {
	for line := range strings.Lines(p.out.text()) {
		var v T
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &v) == nil {
			out = append(out, v)
		}
	}
	return out
}
