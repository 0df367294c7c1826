package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"kafka-master/messages"
)

const (
	scanCount = 2000 // fields of a step, some 300 KB: Redis serves others between two steps
	loadTries = 5
)

// Load returns the state without the journal, sorted. It returns messages.ErrFenced if
// term is not the current one. An error that wraps messages.ErrBadRecord names the table
// and key that cannot be read.
//
// The tables are read in steps. If the holder of term commits meanwhile, which nobody
// else can, reading starts again.
func (s *Store) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	return s.load(ctx, func() (head, error) { return s.head(ctx, "load", term) })
}

// Read returns the state without the journal, sorted, whoever leads. It changes nothing.
// It returns messages.ErrEmpty when there is no state.
func (s *Store) Read(ctx context.Context) (messages.Snapshot, error) {
	return s.load(ctx, func() (head, error) { return s.anyHead(ctx, "read") })
}

// load reads the tables until the head is the same before and after it.
func (s *Store) load(ctx context.Context, readHead func() (head, error)) (messages.Snapshot, error) {
	before, err := readHead()
	if err != nil {
		return messages.Snapshot{}, err
	}
	for range loadTries {
		tables, err := s.scanAll(ctx)
		if err != nil {
			return messages.Snapshot{}, s.fail("load", err)
		}
		after, err := readHead()
		if err != nil {
			return messages.Snapshot{}, err
		}
		if after == before {
			return s.decode(after.number, tables)
		}
		before = after
	}
	return messages.Snapshot{}, fmt.Errorf("load: %w", ErrBusy)
}

func (s *Store) scanAll(ctx context.Context) (map[messages.Table]map[string]string, error) {
	tables := map[messages.Table]map[string]string{}
	for _, table := range messages.Tables() {
		records := map[string]string{} // a scan may return the same field twice
		for cursor := uint64(0); ; {
			pairs, next, err := s.client.HScan(ctx, s.keys.table(table), cursor, "", scanCount).Result()
			if err != nil {
				return nil, err
			}
			for i := 0; i+1 < len(pairs); i += 2 {
				records[pairs[i]] = pairs[i+1]
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
		tables[table] = records
	}
	return tables, nil
}

// Values returns the stored values with these names, whoever leads. Missing ones are
// omitted.
func (s *Store) Values(ctx context.Context, names ...string) (map[string]string, error) {
	found, err := s.client.HMGet(ctx, s.keys.table(messages.TableValues), names...).Result()
	if err != nil {
		return nil, s.fail("read values", err)
	}
	out := map[string]string{}
	for i, v := range found {
		if text, ok := v.(string); ok && i < len(names) {
			out[names[i]] = text
		}
	}
	return out, nil
}

func (s *Store) decode(number string, tables map[messages.Table]map[string]string) (messages.Snapshot, error) {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return messages.Snapshot{}, fmt.Errorf("load: %w: key %s, field number: %.64q", messages.ErrBadRecord, s.keys.head(), number)
	}
	snap := messages.Snapshot{Number: n, Values: map[string]string{}}
	for table, records := range tables {
		for key, record := range records {
			if err := snap.AddRecord(table, key, []byte(record)); err != nil {
				return messages.Snapshot{}, fmt.Errorf("load: key %s: %w", s.keys.table(table), err)
			}
		}
	}
	snap.SortRecords()
	return snap, nil
}

// Journal returns the newest attempts of the file, newest first, at most limit.
func (s *Store) Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error) {
	entries, err := s.client.LRange(ctx, s.keys.journal(), 0, -1).Result() // some 2 MB at most
	if err != nil {
		return nil, s.fail("read journal", err)
	}
	var list []messages.Attempt
	for i := len(entries) - 1; i >= 0 && len(list) < limit; i-- {
		a, err := messages.DecodeAttempt([]byte(entries[i]))
		if err != nil {
			return nil, fmt.Errorf("read journal: key %s: %w", s.keys.journal(), err)
		}
		if a.Chunk.File == file {
			list = append(list, a)
		}
	}
	return list, nil
}
