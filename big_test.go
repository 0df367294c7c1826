package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/generate"
)

// peakMemory is the most memory that a process has used, in MiB.
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

// generated writes a sample file of about that size and returns its items.
func (s *site) generated(name string, mib int) int64 {
	s.t.Helper()
	const sample = 100_000
	var probe countingWriter
	require.NoError(s.t, generate.Write(&probe, sample, 1))
	lines := int64(mib) << 20 * sample / probe.bytes
	tmp := filepath.Join(s.dir, name+".tmp")
	f, err := os.Create(tmp)
	require.NoError(s.t, err)
	w := bufio.NewWriterSize(f, 1<<20)
	require.NoError(s.t, generate.Write(w, lines, 1))
	require.NoError(s.t, w.Flush())
	require.NoError(s.t, f.Close())
	require.NoError(s.t, os.Rename(tmp, filepath.Join(s.dir, "in", name)))
	return lines
}

type countingWriter struct{ bytes int64 }

// Write implements io.Writer.
func (w *countingWriter) Write(b []byte) (int, error) {
	w.bytes += int64(len(b))
	return len(b), nil
}

// progress is the share of a file's bytes that were handed out, in percent, as
// the leader's console says.
func (p *process) progress(file string) int {
	all := regexp.MustCompile(regexp.QuoteMeta(file)+`: (\d+) %`).FindAllStringSubmatch(p.out.text(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1]) // digits
	return n
}

// A file of BIG_MIB goes through a real Kafka and Redis to four classic and four
// native workers, while the leader is killed three times.
func TestBigFileWithLeadersKilled(t *testing.T) {
	text := os.Getenv("BIG_MIB")
	if text == "" {
		t.Skip("BIG_MIB is not set: 2048 takes some minutes")
	}
	mib, err := strconv.Atoi(text)
	require.NoError(t, err)
	p := &pair{site: realSite(t, 13), masters: map[string]*process{}, terms: make(chan uint64, 1000), ports: map[string]string{"m1": freePort(t), "m2": freePort(t)}}
	suffix := strings.TrimPrefix(p.vars["KAFKA_TOPIC_NAME_MASTER"], "chunks")
	p.vars["BATCH_SIZE"], p.vars["KAFKA_PARTITIONS"], p.vars["KAFKA_WORKER_GROUP"] = "5000", "8", "classic"+suffix
	p.begin("m1")
	p.masters["m1"].out.await(t, `"msg":"this master leads"`)
	p.begin("m2")
	p.watch()
	for i := range 4 {
		p.command(roleMaster, []string{"worker", "--parallel", "2", "--exec", "cksum", "--results", filepath.Join(p.dir, "data", "results")}, "WORKER_ID=n"+strconv.Itoa(i))
		p.site.start(exec.Command(python(t), classicScript(t), p.vars["KAFKA_BROKER_ADDRESS"], "c"+strconv.Itoa(i), "0", "0", suffix))
	}
	lines := p.generated("big.txt", mib)
	began := time.Now()
	<-p.terms
	peak := 0
	for kill := 1; kill <= 3; kill++ {
		leads, other := p.leader()
		require.Eventually(t, func() bool { return p.masters[leads].progress("big.txt") >= 20*kill }, 20*time.Minute, 50*time.Millisecond)
		peak = max(peak, p.masters[leads].peakMemory())
		p.masters[leads].kill()
		t.Logf("leader %s killed at %d %%: %s dispatches %v later", leads, 20*kill, other, p.next(time.Now()))
		p.begin(leads)
	}
	leads, _ := p.leader()
	p.masters[leads].out.await(t, `"msg":"input file ended"`)
	took := time.Since(began)
	peak = max(peak, p.masters[leads].peakMemory())
	require.Contains(t, p.masters[leads].out.text(), fmt.Sprintf(`"items":%d,"done":%d,"dead":0`, lines, lines))
	out := p.masters[leads].out.text()
	t.Logf("%d MiB, %d items in %v, %.0f chunks/s; the leader used at most %d MiB\n%s", mib, lines, took.Round(time.Second),
		float64(lines)/5000/took.Seconds(), peak, out[strings.Index(out, "==== big.txt"):])
}
