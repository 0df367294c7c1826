package boltstore

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"kafka-master/messages"
)

// Beside the tables of package messages the file has two buckets: head with one
// key, and journal with an ascending 8-byte key for each attempt.
var (
	headBucket    = []byte("head")
	headKey       = []byte("head")
	journalBucket = []byte("journal")
)

// format is the version of the file's layout. A file of another version is
// refused rather than read wrongly.
const format = 1

// head says who may write and what was written last.
type head struct {
	term   messages.Term
	number uint64 // of the last batch
	batch  string // id of the last batch
}

type headRecord struct {
	Format int    `json:"format"`
	Term   uint64 `json:"term"`
	Holder string `json:"holder"`
	Number uint64 `json:"number"`
	Batch  string `json:"batch"`
}

// prepare makes the buckets that are missing and checks the layout.
func prepare(tx *bolt.Tx) error {
	names := [][]byte{headBucket, journalBucket}
	for _, table := range messages.Tables() {
		names = append(names, []byte(table))
	}
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	if tx.Bucket(headBucket).Get(headKey) == nil {
		return head{}.write(tx)
	}
	_, err := readHead(tx)
	return err
}

func readHead(tx *bolt.Tx) (head, error) {
	var r headRecord
	if err := json.Unmarshal(tx.Bucket(headBucket).Get(headKey), &r); err != nil {
		return head{}, fmt.Errorf("%w: bucket %s, key %s: %v", messages.ErrBadRecord, headBucket, headKey, err)
	}
	if r.Format != format {
		return head{}, fmt.Errorf("%w: the file has layout %d, this program reads %d: use the program that wrote it, or another DATA_DIR",
			messages.ErrBadRecord, r.Format, format)
	}
	return head{term: messages.Term{Number: r.Term, Holder: r.Holder}, number: r.Number, batch: r.Batch}, nil
}

// readHeadOf is readHead for the holder of term: messages.ErrFenced unless it
// is the current one. Before the first Acquire no term is.
func readHeadOf(tx *bolt.Tx, term messages.Term) (head, error) {
	h, err := readHead(tx)
	if err != nil {
		return head{}, err
	}
	if term != h.term || term.Number == 0 {
		return head{}, fmt.Errorf("%w: term %d of %.64q, the store has term %d of %.64q", messages.ErrFenced,
			term.Number, term.Holder, h.term.Number, h.term.Holder)
	}
	return h, nil
}

func (h head) write(tx *bolt.Tx) error {
	record, err := json.Marshal(headRecord{
		Format: format, Term: h.term.Number, Holder: h.term.Holder, Number: h.number, Batch: h.batch,
	})
	if err != nil {
		return fmt.Errorf("head record: %w", err)
	}
	return tx.Bucket(headBucket).Put(headKey, record)
}

// applied reports whether b is the last batch that was written.
func (h head) applied(b messages.Batch) bool {
	return b.Number == h.number && b.ID == h.batch && h.number > 0
}
