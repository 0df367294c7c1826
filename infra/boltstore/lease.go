package boltstore

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"

	"kafka-master/messages"
)

// Acquire raises the term by one and writes its holder. ok is true whenever err
// is nil: the file lock admits one process only. ttl has no meaning here.
func (s *Store) Acquire(ctx context.Context, holder string, _ time.Duration) (term messages.Term, ok bool, err error) {
	err = s.update(ctx, "acquire lease", func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		if err != nil {
			return err
		}
		h.term = messages.Term{Number: h.term.Number + 1, Holder: holder}
		term = h.term
		return h.write(tx)
	})
	if err != nil {
		return messages.Term{}, false, err
	}
	return term, true, nil
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
