package kafkabus_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Topics that were made for a test are removed, and their neighbours stay.
func TestDelete(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(2, "a", "b", "c"))
	require.NoError(t, err)
	defer c.Close()
	bus := openBus(t, c.ListenAddrs())
	require.NoError(t, bus.Delete(t.Context(), []string{"a", "c", "missing"}))
	list, err := bus.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "b", list[0].Name)
}
