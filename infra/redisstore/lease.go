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

// Acquire takes the lease for the claim's holder and raises the term, in one
// script. It is refused while another holder has it, on an empty store unless the
// claim says to begin one, and while a state is being put back; its present holder may take it again, under a new
// term. An answer that was lost costs a term number and nothing else.
func (s *Store) Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error) {
	id := "" // of the state that may be begun
	if c.Init {
		id = rand.Text()
	}
	keys := append([]string{s.keys.head(), s.keys.lease(), s.keys.restoring(), s.keys.journal()}, s.keys.tables()...)
	answer, err := acquireScript.Run(ctx, s.client, keys,
		c.Holder, milliseconds(ttl), id, c.Leader.MasterID, c.Leader.API).StringSlice()
	if err != nil {
		return messages.LeaseState{}, s.fail("acquire lease", err)
	}
	if len(answer) != 6 {
		return messages.LeaseState{}, fmt.Errorf("acquire lease: the script returned %d values, want 6", len(answer))
	}
	if answer[0] == "empty" || answer[0] == "restoring" {
		return messages.LeaseState{Empty: true, Restoring: answer[0] == "restoring"}, nil
	}
	number, err := strconv.ParseUint(answer[1], 10, 64)
	if err != nil {
		return messages.LeaseState{}, fmt.Errorf("acquire lease: %w: key %s, field term: %.64q",
			messages.ErrBadRecord, s.keys.head(), answer[1])
	}
	left, _ := strconv.ParseInt(answer[5], 10, 64) // negative when the lease has no end
	return messages.LeaseState{
		Taken: answer[0] == "taken", Term: messages.Term{Number: number, Holder: answer[2]},
		Leader: messages.Leader{MasterID: answer[3], API: answer[4]}, Remaining: time.Duration(max(0, left)) * time.Millisecond,
	}, nil
}

// Renew prolongs the lease by ttl from now and returns the number of the last
// batch. It returns messages.ErrFenced when the term is not current, or when the
// lease has ended, even if nobody has taken it since; messages.ErrEmpty when the
// store holds nothing.
func (s *Store) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error) {
	text, err := renewScript.Run(ctx, s.client, []string{s.keys.head(), s.keys.lease()},
		termText(term), term.Holder, milliseconds(ttl)).Text()
	if errors.Is(err, redis.Nil) {
		return 0, fenced("renew lease", describe(termText(term), term.Holder, ""), "another term, or the lease has ended")
	}
	if err != nil {
		return 0, s.fail("renew lease", err)
	}
	if text == "" {
		return 0, fmt.Errorf("renew lease: %w", messages.ErrEmpty)
	}
	if number, err = strconv.ParseUint(text, 10, 64); err != nil {
		return 0, fmt.Errorf("renew lease: %w: key %s, field number: %.64q", messages.ErrBadRecord, s.keys.head(), text)
	}
	return number, nil
}

// Release gives the lease back if term has it; the term stays the current one.
func (s *Store) Release(ctx context.Context, term messages.Term) error {
	err := releaseScript.Run(ctx, s.client, []string{s.keys.head(), s.keys.lease()}, termText(term), term.Holder).Err()
	if err != nil {
		return s.fail("release lease", err)
	}
	return nil
}

// Present says for ttl that a process runs under a master id, and returns whether
// it is the only one.
func (s *Store) Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error) {
	other, err := presentScript.Run(ctx, s.client, []string{s.keys.master(master)}, process, milliseconds(ttl)).Bool()
	if err != nil {
		return false, s.fail("say that this master runs", err)
	}
	return !other, nil
}
