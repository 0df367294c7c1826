package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"kafka-master/messages"
)

// ErrLocked says that another process has the store's file open.
var ErrLocked = errors.New("locked by another process")

// lockWait is how long Open waits for a process that is just ending.
const lockWait = 500 * time.Millisecond

// Store is a state store in a bbolt file. It is safe for concurrent use. After
// Close every method returns an error.
type Store struct {
	db *bolt.DB
}

// Open opens the file at path and makes it, and its folder, when missing. The
// error wraps ErrLocked when another process has the file open.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("open state file: %w", err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open state file %s: %w: stop the other kafka-master that uses it, or set another DATA_DIR",
			path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open state file %s: %w", path, err)
	}
	s := &Store{db: db}
	if err := db.Update(prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open state file %s: %w", path, err), db.Close())
	}
	return s, nil
}

// Close waits for calls under way and gives the file free.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close state file: %w", err)
	}
	return nil
}

// Load returns everything but the journal, sorted, for the holder of term. It
// returns messages.ErrFenced when term is not the current one; an error that
// wraps messages.ErrBadRecord names the table and key that cannot be read.
func (s *Store) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	var snap messages.Snapshot
	err := s.view(ctx, "load", func(tx *bolt.Tx) error {
		h, err := readHeadOf(tx, term)
		if err != nil {
			return err
		}
		snap = messages.Snapshot{Number: h.number, Values: map[string]string{}}
		for _, table := range messages.Tables() {
			err := tx.Bucket([]byte(table)).ForEach(func(k, v []byte) error {
				return snap.AddRecord(table, string(k), v)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return messages.Snapshot{}, err
	}
	snap.SortRecords()
	return snap, nil
}

// Commit applies the batch in one synced transaction, only if term is current
// and the batch's number is the stored number + 1. The same number with the
// same id is a success without effect; everything else is messages.ErrFenced.
func (s *Store) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	return s.update(ctx, "commit", func(tx *bolt.Tx) error {
		h, err := readHeadOf(tx, term)
		if err != nil {
			return err
		}
		if h.applied(b) {
			return nil
		}
		if b.Number != h.number+1 {
			return fmt.Errorf("%w: batch %d, the store has %d", messages.ErrFenced, b.Number, h.number)
		}
		for _, w := range b.TableWrites() {
			if err := apply(tx.Bucket([]byte(w.Table)), w); err != nil {
				return err
			}
		}
		if err := appendJournal(tx, b.Journal); err != nil {
			return err
		}
		h.number, h.batch = b.Number, b.ID
		return h.write(tx)
	})
}

// Restore returns messages.ErrFilled: the file is never empty.
func (s *Store) Restore(context.Context, messages.Term, messages.Snapshot) error {
	return fmt.Errorf("restore: %w", messages.ErrFilled)
}

func apply(bucket *bolt.Bucket, w messages.TableWrite) error {
	for i, key := range w.Keys {
		if err := bucket.Put([]byte(key), w.Records[i]); err != nil {
			return fmt.Errorf("table %s, key %.256q: %w", w.Table, key, err)
		}
	}
	for _, key := range w.Drops {
		if err := bucket.Delete([]byte(key)); err != nil {
			return fmt.Errorf("table %s, key %.256q: %w", w.Table, key, err)
		}
	}
	return nil
}

func (s *Store) view(ctx context.Context, what string, f func(*bolt.Tx) error) error {
	return call(ctx, what, s.db.View, f)
}

func (s *Store) update(ctx context.Context, what string, f func(*bolt.Tx) error) error {
	return call(ctx, what, s.db.Update, f)
}

// call looks at ctx only before it starts: a transaction ends by itself after
// one disk sync and cannot be broken off.
func call(ctx context.Context, what string, run func(func(*bolt.Tx) error) error, f func(*bolt.Tx) error) error {
	err := ctx.Err()
	if err == nil {
		err = run(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
