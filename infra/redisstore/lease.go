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

// milliseconds returns ttl in the unit of Redis, at least 1.
func milliseconds(ttl time.Duration) int64 { return max(1, ttl.Milliseconds()) }

// Acquire takes the lease for the claim's holder and raises the term. It is refused
// while another holder has the lease, while a state is being restored, and in an empty
// store unless the claim asks to create a state. A claim that only looks changes nothing.
// The present holder may take the lease
// again, under a new term, so a lost answer costs a term number and nothing else.
func (s *Store) Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error) {
	id := "" // id of a state to create
	if c.Init {
		id = rand.Text()
	}
	keys := append([]string{s.keys.head(), s.keys.lease(), s.keys.restoring(), s.keys.journal()}, s.keys.tables()...)
	answer, err := acquireScript.Run(ctx, s.client, keys,
		c.Holder, milliseconds(ttl), id, c.Leader.MasterID, c.Leader.API, c.Look).StringSlice()
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
	remaining, _ := strconv.ParseInt(answer[5], 10, 64) // negative if the lease does not expire
	return messages.LeaseState{
		Taken: answer[0] == "taken", Free: answer[0] == "free", Term: messages.Term{Number: number, Holder: answer[2]},
		Leader: messages.Leader{MasterID: answer[3], API: answer[4]}, Remaining: time.Duration(max(0, remaining)) * time.Millisecond,
	}, nil
}

// Renew extends the lease to ttl from now and returns the number of the last batch. It
// returns messages.ErrFenced if the term is not current or the lease has expired, even
// if nobody has taken it since, and messages.ErrEmpty if the store is empty.
func (s *Store) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error) {
	text, err := renewScript.Run(ctx, s.client, []string{s.keys.head(), s.keys.lease()},
		termText(term), term.Holder, milliseconds(ttl)).Text()
	if errors.Is(err, redis.Nil) {
		return 0, fenced("renew lease", describe(termText(term), term.Holder, ""), "another term, or an expired lease")
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

// Release gives the lease back if term holds it. The term stays the current one.
func (s *Store) Release(ctx context.Context, term messages.Term) error {
	err := releaseScript.Run(ctx, s.client, []string{s.keys.head(), s.keys.lease()}, termText(term), term.Holder).Err()
	if err != nil {
		return s.fail("release lease", err)
	}
	return nil
}

// Present records for ttl that a process uses a master id, and reports whether it is the
// only one that does.
func (s *Store) Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error) {
	other, err := presentScript.Run(ctx, s.client, []string{s.keys.master(master)}, process, milliseconds(ttl)).Bool()
	if err != nil {
		return false, s.fail("record that this master runs", err)
	}
	return !other, nil
}
