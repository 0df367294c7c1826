package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kafka-master/generate"
	"kafka-master/infra/infratest"
)

// bigBatch is the batch size of big files, in items.
const bigBatch = 5000

// big is a large file for two masters, four classic and four native workers.
type big struct {
	*pair
	mib    int
	suffix string // suffix of the topics
	native []*process
	state  *redis.Client
	lines  int64
	began  time.Time
	peak   int // largest memory of a leader, in MiB
}

// newBig uses a site whose settings have its servers. The size of the file is BIG_MIB, or 64
// if that is not set.
func newBig(s *site) *big {
	s.t.Helper()
	options, err := redis.ParseURL(s.vars["REDIS_URL"])
	require.NoError(s.t, err)
	b := &big{mib: times(s.t, "BIG_MIB", 64), state: redis.NewClient(options)}
	s.t.Cleanup(func() { b.state.Close() })
	b.pair = &pair{site: s, masters: map[string]*process{}, terms: make(chan uint64, 1000), ports: map[string]string{"m1": infratest.FreePort(s.t), "m2": infratest.FreePort(s.t)}}
	b.suffix = strings.TrimPrefix(s.vars["KAFKA_TOPIC_NAME_MASTER"], "chunks")
	s.vars["BATCH_SIZE"], s.vars["KAFKA_PARTITIONS"], s.vars["KAFKA_WORKER_GROUP"] = strconv.Itoa(bigBatch), "8", "classic"+b.suffix
	return b
}

func (b *big) run(folder string) {
	b.t.Helper()
	b.begin("m1")
	b.masters["m1"].out.awaitLine(b.t, isLeading)
	b.begin("m2")
	b.watch()
	for i := range 4 {
		b.native = append(b.native, b.startNative("n"+strconv.Itoa(i)))
		b.start(exec.Command(python(b.t), classicScript(b.t), b.vars["KAFKA_BROKER_ADDRESS"], "c"+strconv.Itoa(i), "0", "0", b.suffix))
	}
	b.generate(folder)
	b.began = time.Now()
	<-b.terms
}

func (b *big) startNative(id string) *process {
	return b.command(roleMaster, []string{"worker", "--parallel", "2", "--exec", "cksum", "--results", filepath.Join(b.dir, "data", "results")}, "WORKER_ID="+id)
}

// generate writes a sample file of about the configured size.
func (b *big) generate(folder string) {
	b.t.Helper()
	const sample = 100_000
	var probe countingWriter
	require.NoError(b.t, generate.Write(&probe, sample, 1))
	b.lines = int64(b.mib) << 20 * sample / probe.bytes
	tmp := filepath.Join(folder, "big.txt.tmp")
	f, err := os.Create(tmp)
	require.NoError(b.t, err)
	w := bufio.NewWriterSize(f, 1<<20)
	require.NoError(b.t, generate.Write(w, b.lines, 1))
	require.NoError(b.t, w.Flush())
	require.NoError(b.t, f.Close())
	require.NoError(b.t, os.Chmod(tmp, 0o644))
	require.NoError(b.t, os.Rename(tmp, filepath.Join(folder, "big.txt")))
}

type countingWriter struct{ bytes int64 }

// Write implements io.Writer.
func (w *countingWriter) Write(b []byte) (int, error) {
	w.bytes += int64(len(b))
	return len(b), nil
}

// reach waits until a part of the file is done, in percent, and returns the leader and the
// other master.
func (b *big) reach(percent int) (leads, other string) {
	b.t.Helper()
	chunks := int(b.lines) / bigBatch
	require.Eventually(b.t, func() bool { return b.done()*100 >= chunks*percent }, b.timeLimit(), 100*time.Millisecond)
	leads, other = b.leader()
	b.peak = max(b.peak, b.masters[leads].peakMemory())
	return leads, other
}

// done returns the number of chunks of the file that are done according to the state.
func (b *big) done() int {
	files, err := b.state.HVals(b.t.Context(), "{kafka-master}:files").Result()
	if err != nil || len(files) != 1 {
		return 0
	}
	var f struct {
		Done int `json:"done_chunks"`
	}
	require.NoError(b.t, json.Unmarshal([]byte(files[0]), &f))
	return f.Done
}

// timeLimit returns the longest time for a part of the file.
func (b *big) timeLimit() time.Duration {
	return 2*time.Minute + time.Duration(b.mib)*time.Second/2
}

// peakMemory returns the largest memory that a process has used, in MiB.
func (p *process) peakMemory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(p.t, m)
	kib, err := strconv.Atoi(string(m[1]))
	require.NoError(p.t, err)
	return kib >> 10
}

// end waits for the end of the file and checks its balance.
func (b *big) end() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		for _, m := range b.masters {
			if len(m.out.lines(isBalanced(b.lines, 0))) > 0 {
				return true
			}
		}
		return false
	}, b.timeLimit(), 100*time.Millisecond)
	took := time.Since(b.began)
	leads, _ := b.leader()
	b.peak = max(b.peak, b.masters[leads].peakMemory())
	reports := b.fileReports()
	require.Len(b.t, reports, 1)
	require.Zero(b.t, reports[0].Duplicates, "nothing was counted twice")
	b.t.Logf("%d MiB, %d items in %v: %.0f chunks/s, %.1f MB/s; %d results repeated; a leader used at most %d MiB", b.mib, b.lines,
		took.Round(time.Second), float64(b.lines)/bigBatch/took.Seconds(), float64(b.mib)*1.048576/took.Seconds(), reports[0].Repeats, b.peak)
}

// The leader is killed three times.
func TestBigFileWhileLeadersAreKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	b := newBig(realSite(t, 13))
	b.run(filepath.Join(b.dir, "in"))
	for _, percent := range []int{20, 45, 70} {
		leads, other := b.reach(percent)
		b.masters[leads].kill()
		t.Logf("leader %s killed at %d %%: %s dispatches %v later", leads, percent, other, b.next(time.Now()))
		b.begin(leads)
	}
	b.end()
}

// The file is on an encrypted share. smbd, Kafka, Redis, the leader and a worker are killed
// once each.
func TestBigFileFromAShareWhileEverythingIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	samba, store := infratest.StartSamba(t), infratest.StartRedis(t)
	kafka := infratest.StartKafka(t, infratest.KafkaConfig{})
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	maps.Copy(s.vars, map[string]string{
		"KAFKA_BROKER_ADDRESS": kafka.Address(), "REDIS_URL": store.URL(),
		"SMB_HOST": "127.0.0.1", "SMB_PORT": strconv.Itoa(samba.Port), "SMB_USER": infratest.SambaUser, "SMB_PASSWORD": infratest.SambaPassword,
		"CLIENT_DATA_PATH": "encrypted", "INPUT_DIR": "in",
		"KAFKA_TOPIC_NAME_MASTER": "chunks-big", "KAFKA_TOPIC_NAME_WORKER": "signals-big", "KAFKA_TOPIC_NAME_WORKER_FREE": "connections-big",
	})
	folder := filepath.Join(samba.Data, "in")
	require.NoError(t, os.Mkdir(folder, 0o755))
	samba.Own(t, folder)
	b := newBig(s)
	b.run(folder)

	b.reach(15)
	samba.Stop(syscall.SIGKILL)
	samba.Start(t)
	b.reach(30)
	kafka.Kill()
	kafka.Start()
	b.reach(45)
	store.Kill()
	store.Start()
	leads, _ := b.reach(60)
	b.masters[leads].kill()
	t.Logf("leader killed: the next dispatch %v later", b.next(time.Now()))
	b.begin(leads)
	b.reach(75)
	b.native[0].kill()
	b.native[0] = b.startNative("n4")
	b.end()
}
