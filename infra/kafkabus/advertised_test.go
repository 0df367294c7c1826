package kafkabus_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafka-master/messages"
)

func TestAdvertised(t *testing.T) {
	ctx := context.Background()
	addrs := startBroker(t, 3).Addrs()
	all, err := openBus(t, addrs[:1]).Advertised(ctx)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, a := range addrs {
		require.NoError(t, all[a])
	}
	_, err = openBus(t, []string{freeAddress(t)}).Advertised(ctx)
	require.ErrorContains(t, err, "no broker listens there, start it or correct KAFKA_BROKER_ADDRESS")
}

// A broker that is reached by one address and says another works for the first
// question only.
func TestAdvertisedIsElsewhere(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	elsewhere := freeAddress(t)
	host, port, err := net.SplitHostPort(elsewhere)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := req.ResponseKind().(*kmsg.MetadataResponse)
		b := kmsg.NewMetadataResponseBroker()
		b.Host, b.Port = host, int32(number)
		res.Brokers = append(res.Brokers, b)
		return res, nil, true
	})
	bus := openBus(t, c.ListenAddrs())
	require.NoError(t, bus.Ping(context.Background()))
	all, err := bus.Advertised(context.Background())
	require.NoError(t, err)
	require.ErrorIs(t, all[elsewhere], messages.ErrNotWritten)
	require.ErrorContains(t, all[elsewhere], "connection refused")
}

func TestCreatable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	bus := openBus(t, startBroker(t, 1).Addrs())
	require.NoError(t, bus.Creatable(ctx, []messages.TopicSpec{{Name: "new", Partitions: 3, Replication: -1}}))
	topics, err := bus.List(ctx)
	require.NoError(t, err)
	require.Empty(t, topics, "nothing is made")
	require.ErrorIs(t, bus.Creatable(ctx, []messages.TopicSpec{{Name: "new", Partitions: 3, Replication: 3}}), messages.ErrRefused)
	require.Error(t, openBus(t, []string{freeAddress(t)}).Creatable(ctx, nil))
}
