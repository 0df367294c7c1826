package logstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"kafka-master/messages"
)

// readFormer reads the state from a bbolt file of earlier versions, which has a bucket
// for each table and one with the head. If there is no such file, the state is empty. The
// file is not changed before setAside.
func readFormer(path string) (*state, error) {
	s := newState()
	if _, err := os.Stat(path); path == "" || errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	err := recovered(func() error { return readBolt(path, s) })
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: %w: stop the other kafka-master that uses it", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("%s, the state of an earlier version, cannot be read: %w: restore the file from a copy, or move it away to begin with an empty state", path, err)
	}
	return s, nil
}

func readBolt(path string, s *state) error {
	db, err := bolt.Open(path, fileMode, &bolt.Options{Timeout: lockWait, ReadOnly: true})
	if err != nil {
		return err
	}
	err = db.View(func(tx *bolt.Tx) (err error) {
		if s.head, err = formerHead(tx); err != nil {
			return err
		}
		return formerRecords(tx, s)
	})
	return errors.Join(err, db.Close())
}

// recovered turns a crash of bbolt into an error. On a damaged page bbolt panics or reads
// beyond the end of a truncated file, which would otherwise end the process.
func recovered(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", messages.ErrBadRecord, cause)
		}
	}()
	return f()
}

// moved is the suffix of a former file whose state was imported.
const moved = ".moved"

// setAside renames a former file whose state was imported. If another former file appears
// later, an earlier version of the program has worked here again, and only a person can
// decide which state is the right one.
func setAside(path string) (done bool, err error) {
	if _, err := os.Stat(path); path == "" || errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if _, err := os.Stat(path + moved); err == nil {
		return false, fmt.Errorf("%s: an earlier version has created another state here: move the file away to continue with the newer state, or move the folder state and the file %s away to continue with the older one", path, path+moved)
	}
	return true, os.Rename(path, path+moved)
}

func formerHead(tx *bolt.Tx) (head, error) {
	bucket := tx.Bucket([]byte("head"))
	if bucket == nil {
		return head{}, fmt.Errorf("%w: it has no head", messages.ErrBadRecord)
	}
	var r struct {
		Format int
		Term   uint64
		Holder string
		Number uint64
		Batch  string
	}
	if err := json.Unmarshal(bucket.Get([]byte("head")), &r); err != nil || r.Format != 1 {
		return head{}, fmt.Errorf("%w: its head is unknown", messages.ErrBadRecord)
	}
	return head{term: messages.Term{Number: r.Term, Holder: r.Holder}, number: r.Number, batch: r.Batch}, nil
}

func formerRecords(tx *bolt.Tx, s *state) error {
	for _, name := range messages.Tables() {
		bucket := tx.Bucket([]byte(name))
		if bucket == nil {
			continue
		}
		err := bucket.ForEach(func(k, v []byte) error {
			s.apply(change{tables: []messages.TableWrite{{Table: name, Keys: []string{string(k)}, Records: [][]byte{v}}}}, nil)
			return nil
		})
		if err != nil {
			return err
		}
	}
	bucket := tx.Bucket([]byte("journal"))
	if bucket == nil {
		return nil
	}
	return bucket.ForEach(func(_, v []byte) error {
		s.apply(change{journal: [][]byte{v}}, nil)
		return nil
	})
}
