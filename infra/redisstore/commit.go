package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"

	"kafka-master/messages"
)

// maxArguments is how many arguments Redis takes in one request (its limit is
// 1,048,576, key names and all).
const maxArguments = 1 << 20

// Commit applies the batch in one script, only if term is current and the
// batch's number is the stored number + 1. The same number with the same id is a
// success without effect, so a commit that timed out can be repeated; everything
// else is messages.ErrFenced. A batch takes up to about 500,000 puts.
func (s *Store) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	if b.Number == 0 {
		return fenced("commit", "batch 0", "batches from 1 on")
	}
	number := strconv.FormatUint(b.Number, 10)
	args := arguments{
		keys: []string{headKey()},
		args: []any{termText(term), term.Holder, number, strconv.FormatUint(b.Number-1, 10), b.ID},
	}
	args.addBatch(b)
	if n := len(args.args) + len(args.keys) + 3; n > maxArguments {
		return fmt.Errorf("commit: %d arguments, Redis takes %d", n, maxArguments)
	}
	answer, err := commitScript.Run(ctx, s.client, args.keys, args.args...).Slice()
	if err != nil {
		return s.fail("commit", err)
	}
	if len(answer) != 4 {
		return fmt.Errorf("commit: the script returned %d values, want 4", len(answer))
	}
	if verdict, _ := answer[0].(int64); verdict != 1 && verdict != 2 {
		if answer[1] == "" {
			return fmt.Errorf("commit: %w", messages.ErrEmpty)
		}
		return fenced("commit", describe(termText(term), term.Holder, number)+" to write",
			describe(fmt.Sprint(answer[1]), fmt.Sprint(answer[2]), fmt.Sprint(answer[3])))
	}
	return nil
}

// Restore puts a state into a store that is empty, in one script, under the term
// after last, which nobody holds; messages.ErrFilled when it is not empty. The
// journal is not part of a state: it stays lost.
func (s *Store) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	args := arguments{
		keys: []string{headKey()},
		args: []any{rand.Text(), strconv.FormatUint(last.Number+1, 10), strconv.FormatUint(snap.Number, 10)},
	}
	for _, table := range messages.Tables() {
		args.keys = append(args.keys, tableKey(table))
	}
	args.addBatch(snap.Batch())
	if n := len(args.args) + len(args.keys) + 3; n > maxArguments {
		return fmt.Errorf("restore: %d arguments, Redis takes %d", n, maxArguments)
	}
	done, err := restoreScript.Run(ctx, s.client, args.keys, args.args...).Bool()
	if err != nil {
		return s.fail("restore", err)
	}
	if !done {
		return fmt.Errorf("restore: %w", messages.ErrFilled)
	}
	return nil
}

// arguments collects what commitScript and restoreScript get.
type arguments struct {
	keys []string
	args []any
}

func (a *arguments) addBatch(b messages.Batch) {
	for _, w := range b.TableWrites() {
		if len(w.Keys) > 0 {
			a.begin("HSET", tableKey(w.Table), 2*len(w.Keys))
			for i, key := range w.Keys {
				a.args = append(a.args, key, w.Records[i])
			}
		}
		if len(w.Drops) > 0 {
			a.begin("HDEL", tableKey(w.Table), len(w.Drops))
			for _, key := range w.Drops {
				a.args = append(a.args, key)
			}
		}
	}
	if len(b.Journal) > 0 {
		a.begin("RPUSH", journalKey(), len(b.Journal))
		for _, at := range b.Journal {
			a.args = append(a.args, at.EncodeRecord())
		}
		a.begin("LTRIM", journalKey(), 2)
		a.args = append(a.args, -messages.JournalCap, -1)
		a.begin("HINCRBY", headKey(), 2)
		a.args = append(a.args, "attempts", len(b.Journal))
	}
}

// begin starts a list entry: n arguments have to follow.
func (a *arguments) begin(command, key string, n int) {
	index := len(a.keys)
	for i, k := range a.keys {
		if k == key {
			index = i
		}
	}
	if index == len(a.keys) {
		a.keys = append(a.keys, key)
	}
	a.args = append(a.args, command, index+1, n)
}
