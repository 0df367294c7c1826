package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"kafka-master/messages"
)

const (
	// claimTTL is the time for which a claim is valid after the last piece. It is longer
	// than a call may take, and short enough to wait for if the process died.
	claimTTL = 10 * time.Second
	// pieceRecords and pieceBytes bound one piece, so that Redis serves others between
	// two pieces.
	pieceRecords = 2000
	pieceBytes   = 1 << 20
	// progressEvery is the interval at which a long restore logs its progress.
	progressEvery = 5 * time.Second
)

// Restore writes a state into an empty store, under the term after last, which nobody
// holds. It writes in pieces, under a claim that locks everybody else out; only the last
// step turns the pieces into a state. It returns messages.ErrFilled if the store is not
// empty, and messages.ErrRestoring while another process restores a state. It can be
// repeated after any error. The journal cannot be restored.
func (s *Store) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	keys := append([]string{s.keys.head(), s.keys.restoring()}, s.keys.tables()...)
	if err := s.restoreStep(ctx, claimScript, keys, []any{s.process, milliseconds(claimTTL)}); err != nil {
		return err
	}
	p := progress{of: len(snap.Files) + len(snap.Chunks) + len(snap.Workers) + len(snap.Offsets) + len(snap.Values), loggedAt: time.Now()}
	for _, w := range snap.Batch().TableWrites() {
		for from := 0; from < len(w.Keys); {
			to := pieceEnd(w, from)
			if err := s.restorePiece(ctx, w.Table, w.Keys[from:to], w.Records[from:to]); err != nil {
				return err
			}
			p.done += to - from
			s.logProgress(&p)
			from = to
		}
	}
	return s.restoreStep(ctx, restoredScript, keys[:2],
		[]any{s.process, rand.Text(), strconv.FormatUint(last.Number+1, 10), strconv.FormatUint(snap.Number, 10)})
}

// progress counts the records that a restore has written.
type progress struct {
	done, of int
	loggedAt time.Time
}

func (s *Store) logProgress(p *progress) {
	if time.Since(p.loggedAt) >= progressEvery {
		p.loggedAt = time.Now()
		s.log.Info("restoring the state into redis", "records", p.done, "of", p.of, "redis", s.address)
	}
}

// pieceEnd returns the end of the piece that begins at from.
func pieceEnd(w messages.TableWrite, from int) int {
	size := 0
	for to := from; to < len(w.Keys); to++ {
		size += len(w.Keys[to]) + len(w.Records[to])
		if to > from && (to-from == pieceRecords || size > pieceBytes) {
			return to
		}
	}
	return len(w.Keys)
}

func (s *Store) restorePiece(ctx context.Context, table messages.Table, keys []string, records [][]byte) error {
	args := arguments{space: s.keys, keys: []string{s.keys.head(), s.keys.restoring()}, args: []any{s.process, milliseconds(claimTTL)}}
	args.put(table, keys, records)
	return s.restoreStep(ctx, pieceScript, args.keys, args.args)
}

func (s *Store) restoreStep(ctx context.Context, script *redis.Script, keys []string, args []any) error {
	result, err := script.Run(ctx, s.client, keys, args...).Text()
	switch {
	case err != nil:
		return s.fail("restore", err)
	case result == "filled":
		return fmt.Errorf("restore: %w", messages.ErrFilled)
	case result != "ok":
		return fmt.Errorf("restore: %w", messages.ErrRestoring)
	}
	return nil
}
