package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"kafka-master/messages"
)

// Ping asks Redis for an answer. Its error says what is wrong in one sentence
// with the cure; it wraps messages.ErrConfig when the settings have to change.
// The first success also warns about a Redis that is set up to lose state.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.fail("ping", err)
	}
	if !s.checked.Swap(true) {
		s.warn(ctx)
	}
	return nil
}

// Info returns what Redis tells of itself, as its command INFO does.
func (s *Store) Info(ctx context.Context) (string, error) {
	text, err := s.client.Info(ctx).Result()
	if err != nil {
		return "", s.fail("info", err)
	}
	return text, nil
}

// warn looks at how Redis is set up. A Redis that does not tell is fine.
func (s *Store) warn(ctx context.Context) {
	info, err := s.Info(ctx)
	if err != nil {
		return
	}
	if strings.Contains(info, "maxmemory_policy:allkeys") {
		s.log.Warn("redis may evict any key, the state too: set maxmemory-policy noeviction", "redis", s.address)
	}
	if strings.Contains(info, "aof_enabled:0") {
		s.log.Warn("redis loses the last writes when it ends: set appendonly yes", "redis", s.address)
	}
}

// fail wraps the error of a call with what was done and, where it is known,
// with the cure.
func (s *Store) fail(what string, err error) error {
	cure, config := explain(err)
	if s.secure && errors.Is(err, context.DeadlineExceeded) {
		cure = "does not answer in time, or does not speak TLS: then REDIS_URL should begin with redis://"
	}
	if cure != "" {
		if config {
			return fmt.Errorf("%s: %w: redis at %s %s: %w", what, messages.ErrConfig, s.address, cure, err)
		}
		return fmt.Errorf("%s: redis at %s %s: %w", what, s.address, cure, err)
	}
	return fmt.Errorf("%s: redis at %s: %w", what, s.address, err)
}

// explain returns what an error means and whether the settings have to change.
func explain(err error) (cure string, config bool) {
	text := err.Error()
	begins := func(words ...string) bool {
		for _, w := range words {
			if strings.HasPrefix(text, w) {
				return true
			}
		}
		return false
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	switch {
	case begins("NOAUTH", "ERR HELLO must be called with the client already authenticated"):
		return "wants a password: put it into REDIS_URL, redis://:password@host", true
	case begins("WRONGPASS", "ERR invalid password", "ERR AUTH"):
		return "refuses the user or password in REDIS_URL", true
	case begins("NOPERM", "ERR The user executing the script can't"):
		return "does not allow the user in REDIS_URL what is needed, see Rights in docs/operations.md", true
	case begins("ERR DB index", "ERR invalid DB index"):
		return "does not have the database that REDIS_URL ends with", true
	case errors.As(err, &untrusted):
		return "shows a certificate that is not trusted: set REDIS_TLS_CA_FILE to the CA that signed it", true
	case begins("MOVED", "CLUSTERDOWN"):
		return "is a node of a cluster that does not hold the keys of this deployment: REDIS_URL must name the one that does", true
	case errors.As(err, &record):
		return "does not speak TLS: REDIS_URL should begin with redis://", true
	case begins("READONLY"):
		return "is a replica: REDIS_URL must name the primary", false
	case begins("LOADING"):
		return "is still reading its data", false
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), begins("DENIED"):
		return "closed the connection: it ended, or expects TLS (rediss://), or is in protected mode (give it a password)", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is not running, or REDIS_URL names the wrong host or port", false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "does not answer in time", false
	case errors.As(err, &dns):
		return "cannot be found by that name, see REDIS_URL", false
	}
	return "", false
}
