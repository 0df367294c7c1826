package logstore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"kafka-master/messages"
)

// head is the current term and the last batch.
type head struct {
	term   messages.Term
	number uint64 // number of the last batch
	batch  string // id of the last batch
}

// appendHead appends the encoded head.
func appendHead(b []byte, h head) []byte {
	b = binary.AppendUvarint(b, h.term.Number)
	b = messages.AppendText(b, h.term.Holder)
	b = binary.AppendUvarint(b, h.number)
	return messages.AppendText(b, h.batch)
}

// change holds the encoded writes of a batch.
type change struct {
	tables  []messages.TableWrite
	journal [][]byte
}

func newChange(b messages.Batch) change {
	c := change{tables: b.TableWrites()}
	for _, a := range b.Journal {
		c.journal = append(c.journal, a.EncodeRecord())
	}
	return c
}

// entries returns the number of records that the change puts.
func (c change) entries() (n uint64) {
	for _, w := range c.tables {
		n += uint64(len(w.Keys))
	}
	return n + uint64(len(c.journal))
}

// appendChange appends the encoded change. A table is encoded as its index in
// messages.Tables, which may only grow at its end.
func appendChange(b []byte, c change) []byte {
	names := messages.Tables()
	b = binary.AppendUvarint(b, uint64(len(c.tables)))
	for _, w := range c.tables {
		b = binary.AppendUvarint(b, uint64(slices.Index(names, w.Table)))
		b = binary.AppendUvarint(b, uint64(len(w.Keys)))
		for i, key := range w.Keys {
			b = messages.AppendText(b, key)
			b = messages.AppendText(b, w.Records[i])
		}
		b = binary.AppendUvarint(b, uint64(len(w.Drops)))
		for _, key := range w.Drops {
			b = messages.AppendText(b, key)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(c.journal)))
	for _, record := range c.journal {
		b = messages.AppendText(b, record)
	}
	return b
}

// readHead is the inverse of appendHead.
func readHead(r *messages.RecordReader) (h head) {
	h.term.Number, h.term.Holder = r.Number(), r.Text()
	h.number, h.batch = r.Number(), r.Text()
	return h
}

// readChange is the inverse of appendChange.
func readChange(r *messages.RecordReader) change {
	names := messages.Tables()
	c := change{tables: make([]messages.TableWrite, r.Count())}
	for i := range c.tables {
		place := r.Number()
		if place >= uint64(len(names)) {
			r.Bad = true
			return change{}
		}
		w := &c.tables[i]
		w.Table = names[place]
		for range r.Count() {
			w.Keys = append(w.Keys, r.Text())
			w.Records = append(w.Records, r.Bytes())
		}
		for range r.Count() {
			w.Drops = append(w.Drops, r.Text())
		}
	}
	for range r.Count() {
		c.journal = append(c.journal, r.Bytes())
	}
	return c
}

// checkEnd returns an error unless all fields were valid and nothing is left.
func checkEnd(r *messages.RecordReader, what string) error {
	if !r.Complete() {
		return fmt.Errorf("%w: %s: its length does not fit its content", messages.ErrBadRecord, what)
	}
	return nil
}
