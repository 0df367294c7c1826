package logstore

import (
	"context"
	"fmt"
	"time"

	"kafka-master/messages"
)

// Acquire raises the term by one and stores its holder. It is never refused, since only
// one process can open the store and the store is never empty. The lease does not expire.
func (s *Store) Acquire(ctx context.Context, c messages.Claim, _ time.Duration) (messages.LeaseState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.state.head
	if c.Look {
		return messages.LeaseState{Free: true, Term: h.term}, nil
	}
	h.term = messages.Term{Number: h.term.Number + 1, Holder: c.Holder}
	err := s.usable(ctx)
	if err == nil {
		err = s.write(h, change{}, nil, true)
	}
	if err != nil {
		return messages.LeaseState{}, fmt.Errorf("acquire lease: %w", err)
	}
	return messages.LeaseState{Taken: true, Term: h.term, Leader: c.Leader}, nil
}

// Renew returns the number of the last batch, or messages.ErrFenced if term is not the
// current one.
func (s *Store) Renew(ctx context.Context, term messages.Term, _ time.Duration) (number uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, term); err != nil {
		return 0, fmt.Errorf("renew lease: %w", err)
	}
	return s.state.head.number, nil
}

// Release does nothing: another process can lead once the store is closed.
func (s *Store) Release(context.Context, messages.Term) error { return nil }

// Present returns true, since only one process can open the store.
func (s *Store) Present(context.Context, string, string, time.Duration) (mine bool, err error) {
	return true, nil
}
