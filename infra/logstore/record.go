package logstore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"kafka-master/messages"
)

// head says who may write and what was written last.
type head struct {
	term   messages.Term
	number uint64 // of the last batch
	batch  string // id of the last batch
}

// appendHead appends the head as it is stored.
func appendHead(b []byte, h head) []byte {
	b = binary.AppendUvarint(b, h.term.Number)
	b = appendText(b, h.term.Holder)
	b = binary.AppendUvarint(b, h.number)
	return appendText(b, h.batch)
}

// change is what a batch does to the state: the records as they are stored.
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

// entries counts the records that the change puts.
func (c change) entries() (n uint64) {
	for _, w := range c.tables {
		n += uint64(len(w.Keys))
	}
	return n + uint64(len(c.journal))
}

// appendChange appends a change. Tables are numbered by their place in
// messages.Tables, which only ever grows at its end.
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

// reader reads what the functions above wrote; bad sticks.
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

// count reads the length of a list whose elements take at least one byte each.
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

// end returns an error unless everything was read and made sense.
func (r *reader) end(what string) error {
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("%w: %s: its length does not fit its content", messages.ErrBadRecord, what)
	}
	return nil
}
