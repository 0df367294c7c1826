package actors

import (
	"context"
	"fmt"
	"time"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// simStore is the state store of a simulated world: an infratest.MemoryStore, which
// passes the suite of the stores, behind faults that the suite could not bear.
type simStore struct {
	w      *simWorld
	memory *infratest.MemoryStore
	away   bool
	lose   int // answers of commits that get lost
	fail   int // commits that fail before they take effect
	fence  int // commits that are refused
}

// simState is how one master sees the store.
type simState struct {
	s *simStore
	p *simProcess
}

// call runs do as the faults of the moment have it.
func (x simState) call(ctx context.Context, key string, do func() error) (err error) {
	x.s.w.driver.call(&simCall{process: x.p, ctx: ctx, key: key, do: func(cause error) {
		switch {
		case cause != nil:
			err = cause
		case x.s.away:
			err = errSimAway
		default:
			err = do()
		}
	}})
	return err
}

// Load implements Store.
func (x simState) Load(ctx context.Context, term messages.Term) (snap messages.Snapshot, err error) {
	err = x.call(ctx, "load", func() (err error) {
		snap, err = x.s.memory.Load(context.Background(), term)
		return err
	})
	return snap, err
}

// Commit implements Store.
func (x simState) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	return x.call(ctx, "commit", func() error { return x.s.commit(x.p, term, b) })
}

func (s *simStore) commit(p *simProcess, term messages.Term, b messages.Batch) error {
	if s.w.kills(p, "before a commit") {
		return errSimDead
	}
	switch {
	case s.fail > 0:
		s.fail--
		return errSimAway
	case s.fence > 0:
		s.fence--
		return fmt.Errorf("simulated: %w", messages.ErrFenced)
	}
	before := s.number()
	if err := s.memory.Commit(context.Background(), term, b); err != nil {
		return err
	}
	if s.number() != before {
		s.w.history.committed(term, b)
	}
	if s.w.kills(p, "after a commit") {
		return errSimDead
	}
	if s.lose > 0 {
		s.lose--
		return errSimAway
	}
	return nil
}

// number is that of the last batch.
func (s *simStore) number() uint64 { return s.memory.Number() }

// Restore implements Store.
func (x simState) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	return x.call(ctx, "restore", func() error {
		err := x.s.memory.Restore(context.Background(), last, snap)
		if err == nil {
			x.s.w.sometimes("a state is put back")
			x.s.w.history.reset(x.s.memory.Snapshot())
		}
		return err
	})
}

// Journal implements Store.
func (x simState) Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error) {
	return x.s.memory.Journal(ctx, file, limit)
}

// Acquire implements Lease.
func (x simState) Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (out messages.LeaseState, err error) {
	err = x.call(ctx, "acquire", func() (err error) {
		out, err = x.s.memory.Acquire(context.Background(), c, ttl)
		if out.Taken {
			x.s.w.history.elected(x.p, out.Term, x.s.memory.Snapshot())
		}
		return err
	})
	return out, err
}

// Renew implements Lease.
func (x simState) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error) {
	err = x.call(ctx, "renew", func() (err error) {
		number, err = x.s.memory.Renew(context.Background(), term, ttl)
		return err
	})
	return number, err
}

// Release implements Lease.
func (x simState) Release(ctx context.Context, term messages.Term) error {
	return x.call(ctx, "release", func() error { return x.s.memory.Release(context.Background(), term) })
}

// Present implements Lease.
func (x simState) Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error) {
	err = x.call(ctx, "present", func() (err error) {
		mine, err = x.s.memory.Present(context.Background(), master, process, ttl)
		return err
	})
	return mine, err
}
