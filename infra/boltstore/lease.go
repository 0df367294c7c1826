package boltstore

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"

	"kafka-master/messages"
)

// Acquire raises the term by one and writes its holder. It is never refused: the
// file lock admits one process only, and the file is never empty. ttl has no
// meaning here.
func (s *Store) Acquire(ctx context.Context, c messages.Claim, _ time.Duration) (messages.LeaseState, error) {
	state := messages.LeaseState{Taken: true, Leader: c.Leader}
	err := s.update(ctx, "acquire lease", func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		if err != nil {
			return err
		}
		h.term = messages.Term{Number: h.term.Number + 1, Holder: c.Holder}
		state.Term = h.term
		return h.write(tx)
	})
	if err != nil {
		return messages.LeaseState{}, err
	}
	return state, nil
}

// Renew returns the number of the last batch, messages.ErrFenced when term is
// not the current one. ttl has no meaning here.
func (s *Store) Renew(ctx context.Context, term messages.Term, _ time.Duration) (number uint64, err error) {
	err = s.view(ctx, "renew lease", func(tx *bolt.Tx) error {
		h, err := readHeadOf(tx, term)
		number = h.number
		return err
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}

// Release does nothing: closing the file is what lets another process lead.
func (s *Store) Release(context.Context, messages.Term) error { return nil }

// Present returns true: the file lock admits one process only.
func (s *Store) Present(context.Context, string, string, time.Duration) (mine bool, err error) {
	return true, nil
}
