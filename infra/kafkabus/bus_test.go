package kafkabus_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/infra/embedded"
	"kafka-master/infra/infratest"
	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

// realBroker names the variable with the addresses of a real cluster to test on.
const realBroker = "KAFKA_TEST_BROKER"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBusOnOneBroker(t *testing.T) {
	t.Parallel()
	exercise(t, startBroker(t, 1).Addrs())
}

func TestBusOnThreeBrokers(t *testing.T) {
	t.Parallel()
	exercise(t, startBroker(t, 3).Addrs())
}

func TestBusWithinTheProcess(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, 3)
	infratest.ExerciseBus(t, func(t *testing.T) infratest.LiveBus { return openBusBy(t, broker.Addrs(), broker.Dial) })
}

func TestBusOnRealBroker(t *testing.T) {
	t.Parallel()
	addrs := os.Getenv(realBroker)
	if addrs == "" {
		t.Skip(realBroker + " is not set")
	}
	exercise(t, strings.Split(addrs, ","))
}

func exercise(t *testing.T, addrs []string) {
	t.Helper()
	infratest.ExerciseBus(t, func(t *testing.T) infratest.LiveBus { return openBus(t, addrs) })
}

func startBroker(t testing.TB, brokers int) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(embedded.Config{Brokers: brokers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func openBus(t testing.TB, addrs []string) *kafkabus.Bus {
	t.Helper()
	return openBusBy(t, addrs, nil)
}

func openBusBy(t testing.TB, addrs []string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *kafkabus.Bus {
	t.Helper()
	b, err := kafkabus.New(kafkabus.Config{Brokers: addrs, Dial: dial})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// freeAddress returns an address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + infratest.FreePort(t)
}

func TestNoBroker(t *testing.T) {
	_, err := kafkabus.New(kafkabus.Config{})
	require.Error(t, err)

	b := openBus(t, []string{freeAddress(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err = b.Ping(ctx)
	require.ErrorIs(t, err, messages.ErrNotWritten)
	require.ErrorContains(t, err, "no broker listens there")
	for _, out := range b.Produce(ctx, []messages.Record{{Topic: "t"}, {Topic: "u"}}) {
		require.ErrorIs(t, out.Err, messages.ErrNotWritten)
	}
	_, err = b.Ensure(ctx, []messages.TopicSpec{{Name: "t", Partitions: 1}})
	require.ErrorIs(t, err, messages.ErrNotWritten)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no broker listens there")
	_, err = b.List(ctx)
	require.Error(t, err)
}

func TestClosedBus(t *testing.T) {
	b := openBus(t, startBroker(t, 1).Addrs())
	_, err := b.Ensure(t.Context(), []messages.TopicSpec{{Name: "t", Partitions: 1, Replication: -1}})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := b.Fetch(context.Background(), []messages.Position{{Topic: "t"}}, time.Minute)
		ended <- err
	}()
	b.Close()
	b.Close()
	require.Error(t, <-ended)
	require.ErrorIs(t, b.Ping(t.Context()), messages.ErrNotWritten)
	require.Equal(t, messages.NoLeader, b.Leader("u", 0))
}

func TestMixedLeaders(t *testing.T) {
	t.Parallel()
	const partitions = 30
	b := openBus(t, startBroker(t, 3).Addrs())
	_, err := b.Ensure(t.Context(), []messages.TopicSpec{{Name: "t", Partitions: partitions, Replication: -1}})
	require.NoError(t, err)
	var records []messages.Record
	leaders := make(map[int32]bool)
	for p := range int32(partitions) {
		records = append(records, messages.Record{Topic: "t", Partition: p})
		leaders[b.Leader("t", p)] = true
	}
	require.Len(t, leaders, 3)
	for _, out := range b.Produce(t.Context(), records) {
		require.ErrorIs(t, out.Err, messages.ErrNotWritten)
	}
}

// A broker that restarts fails some calls in one of the two repeatable classes,
// then works again without help, and keeps what it acknowledged.
func TestBrokerRestart(t *testing.T) {
	t.Parallel()
	for name, within := range map[string]bool{"network": false, "within the process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			restartBroker(t, within)
		})
	}
}

func restartBroker(t *testing.T, within bool) {
	dir := t.TempDir()
	start := func(port int) *embedded.Broker {
		b, err := embedded.Start(embedded.Config{DataDir: dir, Port: port})
		require.NoError(t, err)
		return b
	}
	broker := start(0)
	addr, err := net.ResolveTCPAddr("tcp", broker.Addrs()[0])
	require.NoError(t, err)
	var dial func(ctx context.Context, network, address string) (net.Conn, error)
	if within {
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return broker.Dial(ctx, network, address)
		}
	}
	b := openBusBy(t, broker.Addrs(), dial)
	_, err = b.Ensure(t.Context(), []messages.TopicSpec{{Name: "t", Partitions: 1, Replication: -1}})
	require.NoError(t, err)
	send := func() error {
		return b.Produce(t.Context(), []messages.Record{{Topic: "t", Value: []byte("v")}})[0].Err
	}
	require.NoError(t, send())

	require.NoError(t, broker.Close())
	err = send()
	require.True(t, errors.Is(err, messages.ErrMaybeWritten) || errors.Is(err, messages.ErrNotWritten), "%v", err)
	require.ErrorIs(t, send(), messages.ErrNotWritten)
	require.ErrorContains(t, b.Ping(t.Context()), "no broker listens there")
	_, err = b.List(t.Context())
	require.Error(t, err, "metadata from the cache would hide that the broker is away")

	broker = start(addr.Port)
	defer func() { require.NoError(t, broker.Close()) }()
	require.NoError(t, b.Ping(t.Context()))
	require.NoError(t, send())
	_, end, err := b.Offsets(t.Context(), "t")
	require.NoError(t, err)
	require.Equal(t, []int64{2}, end)
}

// Leader learns by itself what another client created.
func TestLeaderIsFoundInTheBackground(t *testing.T) {
	t.Parallel()
	addrs := startBroker(t, 1).Addrs()
	b, other := openBus(t, addrs), openBus(t, addrs)
	require.Equal(t, messages.NoLeader, b.Leader("t", 0))
	_, err := other.Ensure(t.Context(), []messages.TopicSpec{{Name: "t", Partitions: 1, Replication: -1}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.Leader("t", 0) != messages.NoLeader }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, messages.NoLeader, b.Leader("t", -1))
}

func TestBoundsOfOnePartition(t *testing.T) {
	ctx := context.Background()
	b := openBus(t, startBroker(t, 1).Addrs())
	_, err := b.Ensure(ctx, []messages.TopicSpec{{Name: "t", Partitions: 3, Replication: 1}})
	require.NoError(t, err)
	for _, out := range b.Produce(ctx, []messages.Record{{Topic: "t", Partition: 2, Value: []byte("a")}, {Topic: "t", Partition: 2, Value: []byte("b")}}) {
		require.NoError(t, out.Err)
	}
	start, end, err := b.Bounds(ctx, "t", 2)
	require.NoError(t, err)
	require.Equal(t, [2]int64{0, 2}, [2]int64{start, end})
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, _, err = b.Bounds(ctx, "t", 3)
	require.ErrorIs(t, err, messages.ErrNotWritten)
}

func TestBusOfSomeTopics(t *testing.T) {
	addrs := startBroker(t, 1).Addrs()
	all := openBus(t, addrs)
	_, err := all.Ensure(t.Context(), []messages.TopicSpec{{Name: "mine", Partitions: 3}, {Name: "other", Partitions: 2}})
	require.NoError(t, err)

	// With a view of the cluster that would last for the whole test.
	some, err := kafkabus.New(kafkabus.Config{Brokers: addrs, MetadataTTL: time.Hour, MetadataTopics: []string{"mine", "later"}})
	require.NoError(t, err)
	t.Cleanup(some.Close)
	n, err := some.Partitions(t.Context(), "mine")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.NotEqual(t, messages.NoLeader, some.Leader("mine", 2))
	for _, name := range []string{"other", "later"} {
		_, err = some.Partitions(t.Context(), name)
		require.ErrorIs(t, err, messages.ErrNotWritten, name)
	}
	topics, err := all.List(t.Context())
	require.NoError(t, err)
	require.Len(t, topics, 2, "asking for a topic must not make it")

	// What changes is there when it is asked for.
	require.NoError(t, all.Grow(t.Context(), "mine", 5))
	_, err = all.Ensure(t.Context(), []messages.TopicSpec{{Name: "later", Partitions: 1}})
	require.NoError(t, err)
	for name, want := range map[string]int{"mine": 5, "later": 1} {
		n, err = some.Partitions(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, n, name)
	}
}

// refresh reads the metadata again on new connections.
func refresh(t testing.TB, b *kafkabus.Bus) error {
	_, err := b.Partitions(t.Context(), "t")
	return err
}
