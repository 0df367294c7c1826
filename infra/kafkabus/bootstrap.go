package kafkabus

import (
	"net"
	"slices"

	"github.com/segmentio/kafka-go"
)

// maxBootstrap bounds how many brokers are kept to ask: a client needs one that
// answers, and each that does not takes time.
const maxBootstrap = 16

// bootstrap is the brokers that are asked what the cluster looks like, in random
// order until one answers.
type bootstrap struct {
	net.Addr
	addresses []string
}

func newBootstrap(addresses []string) *bootstrap {
	return &bootstrap{Addr: kafka.TCP(addresses...), addresses: addresses}
}

// learn adds the brokers of the cluster to those that were named: it may go on
// without the named ones, which nobody has to be told of when brokers come and
// go.
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
