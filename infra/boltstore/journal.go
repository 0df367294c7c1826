package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"kafka-master/messages"
)

// Journal returns the newest attempts of the file, newest first, at most limit.
// It reads the whole journal when the file has fewer than that.
func (s *Store) Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error) {
	var list []messages.Attempt
	err := s.view(ctx, "read journal", func(tx *bolt.Tx) error {
		c := tx.Bucket(journalBucket).Cursor()
		for k, v := c.Last(); k != nil && len(list) < limit; k, v = c.Prev() {
			a, err := messages.DecodeAttempt(v)
			if err != nil {
				return fmt.Errorf("bucket %s, key %x: %w", journalBucket, k, err)
			}
			if a.Chunk.File == file {
				list = append(list, a)
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// appendJournal adds the attempts and drops the oldest beyond the cap. Keys are
// consecutive, so the first and the last tell how many there are.
func appendJournal(tx *bolt.Tx, list []messages.Attempt) error {
	if len(list) == 0 {
		return nil
	}
	bucket := tx.Bucket(journalBucket)
	bucket.FillPercent = 1 // keys only ever rise: leave no room in full pages
	var last uint64
	for _, a := range list[max(0, len(list)-messages.JournalCap):] {
		n, err := bucket.NextSequence()
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		if err := bucket.Put(binary.BigEndian.AppendUint64(nil, n), a.EncodeRecord()); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		last = n
	}
	var old [][]byte
	c := bucket.Cursor()
	for k, _ := c.First(); k != nil && binary.BigEndian.Uint64(k)+messages.JournalCap <= last; k, _ = c.Next() {
		old = append(old, bytes.Clone(k)) // deleting moves what a cursor shows
	}
	for _, k := range old {
		if err := bucket.Delete(k); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}
