package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"kafka-master/messages"
)

func termText(t messages.Term) string { return strconv.FormatUint(t.Number, 10) }

// milliseconds is ttl as Redis takes it, at least 1.
func milliseconds(ttl time.Duration) int64 { return max(1, ttl.Milliseconds()) }

// Acquire takes the lease for holder and raises the term, in one script. ok is
// false while another holder has it; its present holder may take it again, under
// a new term. An answer that was lost costs a term number and nothing else.
func (s *Store) Acquire(ctx context.Context, holder string, ttl time.Duration) (term messages.Term, ok bool, err error) {
	text, err := acquireScript.Run(ctx, s.client, []string{headKey(), leaseKey()},
		holder, milliseconds(ttl), rand.Text()).Text()
	if errors.Is(err, redis.Nil) {
		return messages.Term{}, false, nil
	}
	if err != nil {
		return messages.Term{}, false, s.fail("acquire lease", err)
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return messages.Term{}, false, fmt.Errorf("acquire lease: %w: key %s, field term: %.64q",
			messages.ErrBadRecord, headKey(), text)
	}
	return messages.Term{Number: number, Holder: holder}, true, nil
}

// Renew prolongs the lease by ttl from now and returns the number of the last
// batch. It returns messages.ErrFenced when the term is not current, or when the
// lease has ended, even if nobody has taken it since.
func (s *Store) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error) {
	text, err := renewScript.Run(ctx, s.client, []string{headKey(), leaseKey()},
		termText(term), term.Holder, milliseconds(ttl)).Text()
	if errors.Is(err, redis.Nil) {
		return 0, fenced("renew lease", describe(termText(term), term.Holder, ""), "another term, or the lease has ended")
	}
	if err != nil {
		return 0, s.fail("renew lease", err)
	}
	if number, err = strconv.ParseUint(text, 10, 64); err != nil {
		return 0, fmt.Errorf("renew lease: %w: key %s, field number: %.64q", messages.ErrBadRecord, headKey(), text)
	}
	return number, nil
}

// Release gives the lease back if term has it; the term stays the current one.
func (s *Store) Release(ctx context.Context, term messages.Term) error {
	err := releaseScript.Run(ctx, s.client, []string{headKey(), leaseKey()}, termText(term), term.Holder).Err()
	if err != nil {
		return s.fail("release lease", err)
	}
	return nil
}
