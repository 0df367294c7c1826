package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"kafka-master/messages"
)

// Ping checks the connection to Redis. Its error describes what is wrong and the cure in
// one sentence, and wraps messages.ErrConfig if the settings have to change. The first
// success logs a warning if the settings of Redis may lose the state.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.fail("ping", err)
	}
	if !s.checked.Swap(true) {
		s.warn(ctx)
	}
	return nil
}

// Info returns the answer of the command INFO.
func (s *Store) Info(ctx context.Context) (string, error) {
	text, err := s.client.Info(ctx).Result()
	if err != nil {
		return "", s.fail("info", err)
	}
	return text, nil
}

// warn logs settings of Redis that may lose the state. They are not known if Redis
// refuses INFO.
func (s *Store) warn(ctx context.Context) {
	info, err := s.Info(ctx)
	if err != nil {
		return
	}
	if strings.Contains(info, "maxmemory_policy:allkeys") {
		s.log.Warn("redis may evict the state: set maxmemory-policy noeviction", "redis", s.address)
	}
	if strings.Contains(info, "aof_enabled:0") {
		s.log.Warn("redis loses its last writes when it ends: set appendonly yes", "redis", s.address)
	}
}

// fail wraps the error of an operation and adds the cure if it is known.
func (s *Store) fail(operation string, err error) error {
	cure, config := explain(err)
	if s.secure && errors.Is(err, context.DeadlineExceeded) {
		cure = "does not answer in time, or does not speak TLS: then REDIS_URL should begin with redis://"
	}
	if cure != "" {
		if config {
			return fmt.Errorf("%s: %w: redis at %s %s: %w", operation, messages.ErrConfig, s.address, cure, err)
		}
		return fmt.Errorf("%s: redis at %s %s: %w", operation, s.address, cure, err)
	}
	return fmt.Errorf("%s: redis at %s: %w", operation, s.address, err)
}

// explain returns cause and cure of an error, and whether the settings have to change.
func explain(err error) (cure string, config bool) {
	begins := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(err.Error(), w) })
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	switch {
	case begins("NOAUTH", "ERR HELLO must be called with the client already authenticated"):
		return "requires a password: put it into REDIS_URL, redis://:password@host", true
	case begins("WRONGPASS", "ERR invalid password", "ERR AUTH"):
		return "refuses the user or password in REDIS_URL", true
	case begins("NOPERM", "ERR The user executing the script can't"):
		return "does not give the user in REDIS_URL the necessary rights, see Rights in docs/install.md", true
	case begins("ERR DB index", "ERR invalid DB index"):
		return "does not have the database that REDIS_URL ends with", true
	case errors.As(err, &untrusted):
		return "has a certificate that is not trusted: set REDIS_TLS_CA_FILE to the CA that signed it", true
	case begins("MOVED", "CLUSTERDOWN"):
		return "is a node of a cluster that does not hold the keys of this deployment: REDIS_URL must name the one that does", true
	case errors.As(err, &record):
		return "does not speak TLS: REDIS_URL should begin with redis://", true
	case begins("READONLY"):
		return "is a replica: REDIS_URL must name the primary", false
	case begins("LOADING"):
		return "is still loading its data", false
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), begins("DENIED"):
		return "closed the connection: it stopped, requires TLS (rediss://), or is in protected mode and needs a password", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is not running, or REDIS_URL names the wrong host or port", false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "does not answer in time", false
	case errors.As(err, &dns):
		return "has a name that cannot be resolved, see REDIS_URL", false
	}
	return "", false
}
