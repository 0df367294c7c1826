package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"kafka-master/infra/embedded"
)

// childDir makes the test binary a broker process on that folder, see TestKill.
const childDir = "EMBEDDED_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func start(t testing.TB, c embedded.Config) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func client(t testing.TB, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression())}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

func create(t testing.TB, cl *kgo.Client, topic string, partitions int32) {
	t.Helper()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, partitions, -1
	for name, value := range embedded.TopicConfig() {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, &value
		rt.Configs = append(rt.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(res.Topics[0].ErrorCode))
}

func produce(t testing.TB, cl *kgo.Client, topic string, values ...string) {
	t.Helper()
	for _, v := range values {
		require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr())
	}
}

// consume reads n records of the topic from its start.
func consume(t testing.TB, addrs []string, topic string, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cl := client(t, addrs, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var values []string
	for len(values) < n {
		fetches := cl.PollFetches(ctx)
		require.NoError(t, ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "broker")
	b := start(t, embedded.Config{DataDir: dir})
	cl := client(t, b.Addrs())
	create(t, cl, "t", 1)
	produce(t, cl, "t", "a", "b")
	cl.Close()
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "twice")

	b = start(t, embedded.Config{DataDir: dir})
	require.Equal(t, []string{"a", "b"}, consume(t, b.Addrs(), "t", 2))
}

// runChild is the process that TestKill kills: a broker that prints its address and runs
// until then.
func runChild(dir string) {
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(b.Addrs()[0])
	select {}
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self)
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer func() { _ = child.Process.Kill() }()
	line := make([]byte, 100)
	n, err := out.Read(line)
	require.NoError(t, err)

	cl := client(t, []string{strings.TrimSpace(string(line[:n]))})
	create(t, cl, "t", 1)
	var want []string
	for i := range 500 {
		want = append(want, fmt.Sprint(i))
	}
	produce(t, cl, "t", want...)
	_, err = embedded.Start(embedded.Config{DataDir: dir})
	require.ErrorIs(t, err, embedded.ErrLocked)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	cl.Close()

	b := start(t, embedded.Config{DataDir: dir})
	require.Equal(t, want, consume(t, b.Addrs(), "t", len(want)), "acknowledged records are there")
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	b := start(t, embedded.Config{DataDir: dir})
	_, err := embedded.Start(embedded.Config{DataDir: dir})
	require.ErrorIs(t, err, embedded.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, b.Close())
	start(t, embedded.Config{DataDir: dir})
}

func TestPortInUse(t *testing.T) {
	b := start(t, embedded.Config{})
	addr, err := net.ResolveTCPAddr("tcp", b.Addrs()[0])
	require.NoError(t, err)
	require.True(t, addr.IP.IsLoopback())
	dir := t.TempDir()
	_, err = embedded.Start(embedded.Config{DataDir: dir, Port: addr.Port})
	require.ErrorIs(t, err, embedded.ErrPortInUse)
	require.ErrorContains(t, err, fmt.Sprint(addr.Port))
	start(t, embedded.Config{DataDir: dir}) // the lock was released
}

func TestBrokersShareLeaders(t *testing.T) {
	b := start(t, embedded.Config{Brokers: 3})
	require.Len(t, b.Addrs(), 3)
	cl := client(t, b.Addrs())
	create(t, cl, "t", 30)
	req := kmsg.NewPtrMetadataRequest()
	res, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	require.Len(t, res.Brokers, 3)
	leaders := make(map[int32]int)
	for _, p := range res.Topics[0].Partitions {
		leaders[p.Leader]++
	}
	require.Len(t, leaders, 3)
}

func TestNoAutomaticTopics(t *testing.T) {
	cl := client(t, start(t, embedded.Config{}).Addrs(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	require.Error(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t"}).FirstErr())
}

// Retention bounds the folder after a restart too, when kfake's own ticker does not run.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	b := start(t, embedded.Config{DataDir: dir})
	cl := client(t, b.Addrs())
	create(t, cl, "t", 1)
	cl.Close()
	require.NoError(t, b.Close())
	b = start(t, embedded.Config{DataDir: dir})
	cl = client(t, b.Addrs())
	value := string(bytes.Repeat([]byte{'x'}, 500_000))
	for range 40 {
		produce(t, cl, "t", value)
	}
	require.Eventually(t, func() bool { return folderSize(t, dir) < 7<<20 }, 20*time.Second, 50*time.Millisecond)
}

func folderSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // may be deleted meanwhile
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	}))
	return size
}
