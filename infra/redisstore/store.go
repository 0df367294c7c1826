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
	callTimeout = 3 * time.Second // for a request and its answer
	// maxConnections suffices for a master: commits, lease, loads and the journal
	// rarely come at the same time.
	maxConnections = 8
)

// Config holds the settings of a Store.
type Config struct {
	// URL is redis://[user:password@]host[:port][/database], rediss:// for TLS, or
	// unix://[user:password@]/path/of/socket[?db=database]. The port defaults to 6379,
	// the database to 0.
	URL string
	// CAFile is a PEM file with the certificates to trust instead of the system's. It is
	// allowed only with rediss://.
	CAFile string
	// Prefix is the prefix of all keys. Deployments that share a Redis need different
	// ones. Defaults to DefaultPrefix.
	Prefix string
	// Logger gets warnings about a Redis that may lose state. Defaults to none.
	Logger *slog.Logger
}

// Store is a state store in Redis. It is safe for concurrent use.
type Store struct {
	client  *redis.Client
	keys    keyspace
	process string // random id under which this store claims a restore
	log     *slog.Logger
	address string // host:port for errors and logs
	secure  bool   // uses TLS
	checked atomic.Bool
}

// Open returns a store, which connects when it is first used (see Ping). An invalid URL
// is an error that wraps messages.ErrConfig. Like every error of this package it does not
// show the password.
func Open(cfg Config) (*Store, error) {
	options, err := redis.ParseURL(cfg.URL)
	if err != nil || !hasKnownScheme(cfg.URL) {
		// The parser's own error quotes the URL with the password.
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
	return &Store{
		client: redis.NewClient(options), keys: newKeyspace(cfg.Prefix), process: rand.Text(), log: log,
		address: options.Addr, secure: options.TLSConfig != nil,
	}, nil
}

// hasKnownScheme reports whether the URL has one of our schemes; the parser accepts more.
func hasKnownScheme(url string) bool {
	return strings.HasPrefix(url, "redis://") || strings.HasPrefix(url, "rediss://") || strings.HasPrefix(url, "unix://")
}

// trust sets the certificates of a file as the trusted ones.
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

// Close closes the connections. Calls in progress may fail.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis store: %w", err)
	}
	return nil
}

// fenced returns the error of a refused operation.
func fenced(operation, want, stored string) error {
	return fmt.Errorf("%s: %w: the caller has %s, the store has %s", operation, messages.ErrFenced, want, stored)
}

// head holds fields of the hash with that name.
type head struct {
	store, term, holder, number string
}

// head reads the head for an operation under a term. It returns messages.ErrFenced if
// that is not the current one.
func (s *Store) head(ctx context.Context, operation string, term messages.Term) (head, error) {
	h, err := s.anyHead(ctx, operation)
	if err != nil {
		return head{}, err
	}
	if h.term != termText(term) || h.holder != term.Holder {
		return head{}, fenced(operation, describe(termText(term), term.Holder, ""), describe(h.term, h.holder, h.number))
	}
	return h, nil
}

// anyHead reads the head for an operation, whoever leads.
func (s *Store) anyHead(ctx context.Context, operation string) (head, error) {
	fields, err := s.client.HMGet(ctx, s.keys.head(), "store", "term", "holder", "number").Result()
	if err != nil {
		return head{}, s.fail(operation, err)
	}
	var h head
	for i, to := range []*string{&h.store, &h.term, &h.holder, &h.number} {
		*to, _ = fields[i].(string)
	}
	if h.store == "" {
		return head{}, fmt.Errorf("%s: %w", operation, messages.ErrEmpty)
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

// ErrBusy is the error of a Load during which the state changed in each attempt.
var ErrBusy = errors.New("the state changes too fast to be read")
