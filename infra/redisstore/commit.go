package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"kafka-master/messages"
)

// maxArguments is the number of arguments that Redis accepts in one request, keys
// included.
const maxArguments = 1 << 20

// Commit applies the batch as a whole if term is current and the batch's number is the
// stored number + 1. Committing the last batch again succeeds without an effect, so a
// commit that timed out can be repeated. Everything else is messages.ErrFenced. A batch
// can have about 500,000 puts.
func (s *Store) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	if b.Number == 0 {
		return fenced("commit", "batch 0", "batches from 1 on")
	}
	number := strconv.FormatUint(b.Number, 10)
	args := arguments{
		space: s.keys, keys: []string{s.keys.head()},
		args: []any{termText(term), term.Holder, number, strconv.FormatUint(b.Number-1, 10), b.ID},
	}
	args.addBatch(b)
	if n := len(args.args) + len(args.keys) + 3; n > maxArguments {
		return fmt.Errorf("commit: %d arguments, Redis accepts %d", n, maxArguments)
	}
	answer, err := commitScript.Run(ctx, s.client, args.keys, args.args...).Slice()
	if err != nil {
		return s.fail("commit", err)
	}
	if len(answer) != 4 {
		return fmt.Errorf("commit: the script returned %d values, want 4", len(answer))
	}
	if result, _ := answer[0].(int64); result != 1 && result != 2 {
		if answer[1] == "" {
			return fmt.Errorf("commit: %w", messages.ErrEmpty)
		}
		return fenced("commit", describe(termText(term), term.Holder, number)+" to write",
			describe(fmt.Sprint(answer[1]), fmt.Sprint(answer[2]), fmt.Sprint(answer[3])))
	}
	return nil
}

// arguments collects KEYS and ARGV of commitScript and pieceScript.
type arguments struct {
	space keyspace
	keys  []string
	args  []any
}

func (a *arguments) addBatch(b messages.Batch) {
	for _, w := range b.TableWrites() {
		a.put(w.Table, w.Keys, w.Records)
		if len(w.Drops) > 0 {
			a.begin("HDEL", a.space.table(w.Table), len(w.Drops))
			for _, key := range w.Drops {
				a.args = append(a.args, key)
			}
		}
	}
	if len(b.Journal) > 0 {
		a.begin("RPUSH", a.space.journal(), len(b.Journal))
		for _, at := range b.Journal {
			a.args = append(a.args, at.EncodeRecord())
		}
		a.begin("LTRIM", a.space.journal(), 2)
		a.args = append(a.args, -messages.JournalCap, -1)
	}
}

// put adds a write of records to a table.
func (a *arguments) put(table messages.Table, keys []string, records [][]byte) {
	if len(keys) == 0 {
		return
	}
	a.begin("HSET", a.space.table(table), 2*len(keys))
	for i, key := range keys {
		a.args = append(a.args, key, records[i])
	}
}

// begin starts a write; the caller has to add n arguments.
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
