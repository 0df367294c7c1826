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
	// claimTTL is how long others are kept out after the last piece: longer than a
	// call may take, short enough to wait for when the process died.
	claimTTL = 10 * time.Second
	// pieceRecords and pieceBytes bound one piece, so that Redis serves others in
	// between.
	pieceRecords = 2000
	pieceBytes   = 1 << 20
	// progressEvery is how often a long restore says how far it is.
	progressEvery = 5 * time.Second
)

// Restore puts a state into a store that is empty, under the term after last,
// which nobody holds. It goes in pieces under a claim that keeps everybody else
// out; only the last step makes them a state. It returns messages.ErrFilled when
// the store is not empty, and messages.ErrRestoring while another process puts
// one back. It can be repeated after any error. The journal is not part of a
// state: it stays lost.
func (s *Store) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	keys := append([]string{s.keys.head(), s.keys.restoring()}, s.keys.tables()...)
	if err := s.restoreStep(ctx, claimScript, keys, []any{s.process, milliseconds(claimTTL)}); err != nil {
		return err
	}
	p := progress{of: len(snap.Files) + len(snap.Chunks) + len(snap.Workers) + len(snap.Offsets) + len(snap.Values), said: time.Now()}
	for _, w := range snap.Batch().TableWrites() {
		for from := 0; from < len(w.Keys); {
			to := pieceEnd(w, from)
			if err := s.putBack(ctx, w.Table, w.Keys[from:to], w.Records[from:to]); err != nil {
				return err
			}
			p.done += to - from
			s.say(&p)
			from = to
		}
	}
	return s.restoreStep(ctx, restoredScript, keys[:2],
		[]any{s.process, rand.Text(), strconv.FormatUint(last.Number+1, 10), strconv.FormatUint(snap.Number, 10)})
}

// progress is how far a restore is, in records.
type progress struct {
	done, of int
	said     time.Time
}

func (s *Store) say(p *progress) {
	if time.Since(p.said) >= progressEvery {
		p.said = time.Now()
		s.log.Info("putting the state back into redis", "records", p.done, "of", p.of, "redis", s.address)
	}
}

// pieceEnd is where the piece ends that begins at from.
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

func (s *Store) putBack(ctx context.Context, table messages.Table, keys []string, records [][]byte) error {
	args := arguments{space: s.keys, keys: []string{s.keys.head(), s.keys.restoring()}, args: []any{s.process, milliseconds(claimTTL)}}
	args.put(table, keys, records)
	return s.restoreStep(ctx, pieceScript, args.keys, args.args)
}

func (s *Store) restoreStep(ctx context.Context, script *redis.Script, keys []string, args []any) error {
	verdict, err := script.Run(ctx, s.client, keys, args...).Text()
	switch {
	case err != nil:
		return s.fail("restore", err)
	case verdict == "filled":
		return fmt.Errorf("restore: %w", messages.ErrFilled)
	case verdict != "ok":
		return fmt.Errorf("restore: %w", messages.ErrRestoring)
	}
	return nil
}
