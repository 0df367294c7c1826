package kafkabus

import (
	"net"
	"slices"

	"github.com/segmentio/kafka-go"
)

// maxBootstrap bounds the brokers that are kept for bootstrapping. One that answers is
// enough, and each that does not answer takes time.
const maxBootstrap = 16

// bootstrap are the brokers that are asked for the metadata, in random order, until one
// answers.
type bootstrap struct {
	net.Addr
	addresses []string
}

func newBootstrap(addresses []string) *bootstrap {
	return &bootstrap{Addr: kafka.TCP(addresses...), addresses: addresses}
}

// learn adds the brokers of the cluster to the configured ones. The settings need not follow
// when brokers come and go: the cluster can be reached without the configured ones.
func (b *Bus) learn(brokers []string) {
	all := slices.Clone(b.cfg.Brokers)
	brokers = slices.Sorted(slices.Values(brokers))
	for _, address := range brokers {
		if len(all) < maxBootstrap && !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	if !slices.Equal(all, b.addr.Load().addresses) {
		b.addr.Store(newBootstrap(all))
	}
}
