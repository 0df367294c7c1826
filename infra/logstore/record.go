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
	b = appendText(b, h.term.Holder)
	b = binary.AppendUvarint(b, h.number)
	return appendText(b, h.batch)
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
			b = appendText(b, key)
			b = binary.AppendUvarint(b, uint64(len(w.Records[i])))
			b = append(b, w.Records[i]...)
		}
		b = binary.AppendUvarint(b, uint64(len(w.Drops)))
		for _, key := range w.Drops {
			b = appendText(b, key)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(c.journal)))
	for _, record := range c.journal {
		b = append(binary.AppendUvarint(b, uint64(len(record))), record...)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader decodes heads and changes. Once a field is bad, bad stays set.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

// count reads the length of a list whose elements have at least one byte each.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) head() head {
	var h head
	h.term.Number, h.term.Holder = r.number(), r.text()
	h.number, h.batch = r.number(), r.text()
	return h
}

func (r *reader) change() change {
	names := messages.Tables()
	c := change{tables: make([]messages.TableWrite, r.count())}
	for i := range c.tables {
		place := r.number()
		if place >= uint64(len(names)) {
			r.bad = true
			return change{}
		}
		w := &c.tables[i]
		w.Table = names[place]
		for range r.count() {
			w.Keys = append(w.Keys, r.text())
			w.Records = append(w.Records, r.bytes())
		}
		for range r.count() {
			w.Drops = append(w.Drops, r.text())
		}
	}
	for range r.count() {
		c.journal = append(c.journal, r.bytes())
	}
	return c
}

// end returns an error unless all fields were valid and nothing is left.
func (r *reader) end(what string) error {
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("%w: %s: its length does not fit its content", messages.ErrBadRecord, what)
	}
	return nil
}
