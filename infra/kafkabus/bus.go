// Package kafkabus is the driver between the master's ports and Kafka. It works
// on explicit partitions and offsets: it joins no consumer group, and one
// request carries everything that goes to one leading broker.
//
// Every error wraps exactly one class of package messages (see classes.go), so that callers
// decide by errors.Is and never by text.
//
// Requests use kafka-go's protocol packages instead of its Client, Reader and Writer.
// Those handle one partition in each request, join groups, balance and retry by rules of
// their own, and do not distinguish a write that did not happen from one that may have
// happened.
package kafkabus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/sasl"

	"kafka-master/infra/recordset"
	"kafka-master/messages"
)

const (
	dialTimeout = 5 * time.Second
	// idleTimeout is far below the ten minutes after which a broker closes an idle
	// connection, which would fail the next call.
	idleTimeout = 30 * time.Second
	metadataTTL = 2 * time.Second
	// callTimeout bounds every request except a fetch. RoundTrip has no timeout of its own
	// and would hang for as long as a stopped broker does.
	callTimeout = 10 * time.Second
	// retryFor bounds the retries of calls that may be repeated. A real broker needs up to
	// 150 ms to find a new leader or coordinator.
	retryFor = 2 * time.Second
)

var errClosed = fmt.Errorf("%w: bus is closed", messages.ErrNotWritten)

// Config selects the cluster and the way to connect to it.
type Config struct {
	// Brokers are the bootstrap addresses, host:port. A missing port is 9092. At least one
	// address is required.
	Brokers []string
	// ClientID names this client in the logs and quotas of the brokers. Defaults to
	// "kafka-master".
	ClientID string
	// TLS is the configuration of the client, see TLSConfig. Nil means no TLS.
	TLS *tls.Config
	// SASL authenticates every connection, see SASL. Nil means no authentication.
	SASL sasl.Mechanism
	// Dial opens the connections. Nil means by the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MetadataTTL is how long the cached metadata is valid while no call fails. Defaults to
	// 2 s.
	MetadataTTL time.Duration
	// MetadataTopics are the only topics that the bus knows. Empty means all.
	MetadataTopics []string
	// Logger logs when the cluster becomes unreachable, and when it is reachable again. Nil
	// logs nothing.
	Logger *slog.Logger
}

// Bus is a client of one Kafka cluster. All methods are safe for concurrent use.
type Bus struct {
	cfg       Config
	addr      atomic.Pointer[bootstrap]
	transport *kafka.Transport
	conns     connections
	inflater  *recordset.Inflater
	log       *slog.Logger

	// leaders is replaced by each refresh and never changed.
	leaders    atomic.Pointer[topology]
	refreshing sync.Mutex    // keeps an older answer from replacing a newer one
	wake       chan struct{} // requests a background refresh; its capacity is 1
	// away is the error of the last refresh, nil when it succeeded.
	away atomic.Pointer[error]
	seen atomic.Bool // the cluster has answered before

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns a Bus for the cluster. It does not connect, see Ping.
func New(c Config) (*Bus, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("new bus: no broker address")
	}
	if c.ClientID == "" {
		c.ClientID = "kafka-master"
	}
	if c.MetadataTTL == 0 {
		c.MetadataTTL = metadataTTL
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Brokers = append([]string(nil), c.Brokers...)
	inflater, err := recordset.NewInflater()
	if err != nil {
		return nil, fmt.Errorf("new bus: %w", err)
	}
	b := &Bus{cfg: c, inflater: inflater, log: c.Logger, wake: make(chan struct{}, 1)}
	b.conns.dialer = c.Dial
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.leaders.Store(&topology{})
	b.addr.Store(newBootstrap(c.Brokers))
	b.transport = &kafka.Transport{
		Dial:           b.conns.dial,
		DialTimeout:    dialTimeout,
		IdleTimeout:    idleTimeout,
		MetadataTTL:    c.MetadataTTL,
		MetadataTopics: c.MetadataTopics,
		ClientID:       c.ClientID,
		TLS:            c.TLS,
		SASL:           c.SASL,
		Context:        b.ctx,
	}
	b.running.Go(b.refreshOnDemand)
	return b, nil
}

// Brokers returns the configured bootstrap addresses.
func (b *Bus) Brokers() []string { return append([]string(nil), b.cfg.Brokers...) }

// Close ends all calls in flight and closes all connections. Later calls fail
// with messages.ErrNotWritten. Closing twice is harmless.
func (b *Bus) Close() {
	b.cancel()
	b.running.Wait()
	b.transport.CloseIdleConnections()
	// A cancelled long poll would keep its connection until the broker answers.
	b.conns.close()
}

// call sends a request and returns its answer, or an error with a class.
func (b *Bus) call(ctx context.Context, limit time.Duration, req protocol.Message) (protocol.Message, error) {
	if b.ctx.Err() != nil {
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	res, err := b.transport.RoundTrip(ctx, b.addr.Load(), req)
	if err != nil {
		b.reconnect(err)
		return nil, b.withCause(classify(err))
	}
	return res, nil
}

// withCause adds the remedy to an error where one is known. While the cluster is away, it
// replaces the library's complaint about unknown topics by the real cause.
func (b *Bus) withCause(err error) error {
	unknown := errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader)
	if cause := b.away.Load(); cause != nil && unknown {
		return fmt.Errorf("%w: %w", messages.ErrNotWritten, *cause)
	}
	return b.explained(err)
}

// reconnect drops the connections and the metadata after a failure. The transport would
// otherwise keep dead connections and outdated metadata for seconds.
func (b *Bus) reconnect(err error) {
	if errors.Is(err, context.Canceled) {
		return // the caller gave up; the connection works
	}
	b.transport.CloseIdleConnections()
	b.wantRefresh()
}

// codeError turns the error code of an answer into an error with a class, nil for 0. It drops
// the cached metadata when the code shows that it is outdated.
func (b *Bus) codeError(code int16, detail string) error {
	if code == 0 {
		return nil
	}
	var err error = kafka.Error(code)
	if detail != "" {
		err = fmt.Errorf("%w: %s", err, detail)
	}
	classed := classify(err)
	if errors.Is(classed, messages.ErrNotWritten) {
		b.reconnect(err)
	}
	return classed
}

// repeat runs op until it succeeds, fails permanently, ctx ends, or limit is over (0 means
// no limit). It is for calls that may be repeated after every class of error except a
// refusal, that is, for all calls except Produce and Fetch.
func repeat[T any](ctx context.Context, limit time.Duration, op func() (T, error)) (T, error) {
	var last error
	pace := &backoff.ExponentialBackOff{
		InitialInterval:     10 * time.Millisecond,
		RandomizationFactor: 0.3,
		Multiplier:          1.6,
		MaxInterval:         time.Second,
	}
	v, err := backoff.Retry(ctx, func() (T, error) {
		v, err := op()
		if last = err; err != nil && (!repeatable(err) || ctx.Err() != nil) {
			return v, backoff.Permanent(err)
		}
		return v, err
	}, backoff.WithBackOff(pace), backoff.WithMaxElapsedTime(limit))
	if err != nil && last != nil && !errors.Is(last, err) {
		err = fmt.Errorf("%w (%w)", last, err) // the last error, then why the retries ended
	}
	return v, err
}
