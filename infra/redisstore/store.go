package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"kafka-master/messages"
)

const (
	dialTimeout = 2 * time.Second
	callTimeout = 3 * time.Second // of one request and its answer
	// A master asks for commit, lease, load and journal, seldom all at once.
	maxConnections = 8
)

// Config says which Redis to use.
type Config struct {
	// URL is redis://[user:password@]host[:port][/database], rediss:// for TLS, or
	// unix://[user:password@]/path of a socket[?db=database]. Default port 6379,
	// default database 0.
	URL string
	// CAFile names a PEM file with the certificates to trust instead of the
	// system's; only for rediss://.
	CAFile string
	// Prefix begins all keys; it tells deployments apart that share a Redis.
	// Default: DefaultPrefix.
	Prefix string
	// Logger gets warnings about a Redis that may lose state. Default: none.
	Logger *slog.Logger
}

// Store is a state store in Redis. It is safe for concurrent use.
type Store struct {
	client  *redis.Client
	keys    keyspace
	process string // a random id of this store, under which it claims a restore
	log     *slog.Logger
	address string // host:port, what errors say
	secure  bool   // over TLS
	checked atomic.Bool
}

// Open returns a store; it connects when first used (see Ping). An URL that
// cannot be read is an error that wraps messages.ErrConfig and, like every error
// of this package, does not show the password.
func Open(cfg Config) (*Store, error) {
	options, err := redis.ParseURL(cfg.URL)
	if err != nil || !known(cfg.URL) {
		// The parser's own error quotes the URL, password and all.
		return nil, fmt.Errorf("open redis store: %w: REDIS_URL is not redis[s]://[user:password@]host[:port][/database] "+
			"or unix://[user:password@]/path/of/socket[?db=database]; special characters in a password are written as %%XX", messages.ErrConfig)
	}
	if cfg.CAFile != "" {
		if err := trust(options, cfg.CAFile); err != nil {
			return nil, fmt.Errorf("open redis store: %w", err)
		}
	}
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.DialTimeout = dialTimeout
	options.ReadTimeout, options.WriteTimeout = callTimeout, callTimeout
	options.PoolTimeout = callTimeout
	options.PoolSize = maxConnections
	options.ContextTimeoutEnabled = true
	options.Protocol = 2
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{client: redis.NewClient(options), keys: newKeyspace(cfg.Prefix), process: rand.Text(), log: log, address: options.Addr, secure: options.TLSConfig != nil}, nil
}

// known says whether the URL has a scheme of ours. The parser takes others.
func known(url string) bool {
	return strings.HasPrefix(url, "redis://") || strings.HasPrefix(url, "rediss://") || strings.HasPrefix(url, "unix://")
}

// trust makes TLS accept what the certificates in a file have signed.
func trust(options *redis.Options, path string) error {
	pem, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: REDIS_TLS_CA_FILE: %w", messages.ErrConfig, err)
	}
	pool := x509.NewCertPool()
	switch {
	case !pool.AppendCertsFromPEM(pem):
		return fmt.Errorf("%w: REDIS_TLS_CA_FILE %s holds no PEM certificate", messages.ErrConfig, path)
	case options.TLSConfig == nil:
		return fmt.Errorf("%w: REDIS_TLS_CA_FILE is set, but REDIS_URL does not begin with rediss://", messages.ErrConfig)
	}
	options.TLSConfig.RootCAs = pool
	return nil
}

// Close closes the connections. Calls under way may fail.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis store: %w", err)
	}
	return nil
}

// fenced makes the error of a refused call.
func fenced(what string, want, stored string) error {
	return fmt.Errorf("%s: %w: the caller has %s, the store has %s", what, messages.ErrFenced, want, stored)
}

// head is who may write and what was written last.
type head struct {
	store, term, holder, number string
}

// head reads the head for the holder of term: messages.ErrFenced unless it is
// the current one.
func (s *Store) head(ctx context.Context, what string, term messages.Term) (head, error) {
	fields, err := s.client.HMGet(ctx, s.keys.head(), "store", "term", "holder", "number").Result()
	if err != nil {
		return head{}, s.fail(what, err)
	}
	var h head
	for i, to := range []*string{&h.store, &h.term, &h.holder, &h.number} {
		*to, _ = fields[i].(string)
	}
	if h.store == "" {
		return head{}, fmt.Errorf("%s: %w", what, messages.ErrEmpty)
	}
	if h.term != termText(term) || h.holder != term.Holder {
		return head{}, fenced(what, describe(termText(term), term.Holder, ""), describe(h.term, h.holder, h.number))
	}
	return h, nil
}

func describe(term, holder, number string) string {
	if term == "" {
		return "nothing"
	}
	text := fmt.Sprintf("term %s of %.64q", term, holder)
	if number != "" {
		text += ", batch " + number
	}
	return text
}

var errBusy = errors.New("the state changes too fast to be read")
