// Package generate writes sample input files: IP addresses, one per line, with the
// irregularities of real lists. The same options always produce the same bytes.
package generate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// Options describe the contents of a file. With only Lines set, the file consists of
// IPv4 addresses.
type Options struct {
	// Lines is the number of items, that is, of lines that are not blank.
	Lines int64
	// Seed selects one of many files of the same kind.
	Seed uint64
	// IPv6 is the number of IPv6 addresses per thousand items.
	IPv6 int
	// Junk is the number of items per thousand that are not addresses.
	Junk int
	// Duplicates is the number of items per thousand that repeat a recent one. IPv6,
	// Junk and Duplicates together are at most 1000.
	Duplicates int
	// Blanks is the number of additional blank lines per thousand items, at most 1000.
	Blanks int
	// CRLF is the number of lines per thousand with a Windows line end, at most 1000.
	CRLF int
}

// Mixed returns the options for a typical file: mostly IPv4 and a little of everything
// else.
func Mixed(lines int64, seed uint64) Options {
	return Options{Lines: lines, Seed: seed, IPv6: 50, Junk: 10, Duplicates: 20, Blanks: 10, CRLF: 20}
}

// Write writes a mixed file with exactly lines items. The same arguments produce the
// same bytes.
func Write(w io.Writer, lines int64, seed uint64) error { return Mixed(lines, seed).Write(w) }

// flushAt is the size of one write in bytes.
const flushAt = 256 << 10

// Write writes the file. It returns the first error of the writer, or, before it has
// written anything, an error about an option that is out of range.
func (o Options) Write(w io.Writer) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	g := newMaker(o)
	buf := make([]byte, 0, flushAt+1024)
	for range o.Lines {
		buf = g.line(buf)
		if len(buf) >= flushAt {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("generate: write: %w", err)
			}
			buf = buf[:0]
		}
	}
	if len(buf) == 0 {
		return nil
	}
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("generate: write: %w", err)
	}
	return nil
}

func (o Options) validate() error {
	if o.Lines < 0 {
		return fmt.Errorf("%d lines, allowed 0 or more", o.Lines)
	}
	for _, n := range []int{o.IPv6, o.Junk, o.Duplicates, o.Blanks, o.CRLF, o.IPv6 + o.Junk + o.Duplicates} {
		if n < 0 || n > 1000 {
			return errors.New("a number per thousand is not between 0 and 1000")
		}
	}
	return nil
}

// maker generates one file, line by line.
type maker struct {
	Options
	state  uint64
	octets [256]string // decimal texts, since formatting takes most of the time
	recent [512]item   // items that a duplicate may repeat
	made   uint64
}

// item contains what is needed to write a line again.
type item struct {
	kind kind
	bits uint64
}

type kind uint8

const (
	kindIPv4 kind = iota
	kindIPv6
	kindJunk
)

func newMaker(o Options) *maker {
	g := &maker{Options: o, state: o.Seed}
	for i := range g.octets {
		g.octets[i] = strconv.Itoa(i)
	}
	return g
}

// next returns the next number of SplitMix64, which is fast and the same on every
// machine and in every version of Go.
func (g *maker) next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	return mix(g.state)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// thousand maps 16 random bits to 0…999.
func thousand(bits uint64) int { return int(bits & 0xffff * 1000 >> 16) }

// line appends one item, and sometimes a blank line before it.
func (g *maker) line(b []byte) []byte {
	dice := g.next()
	if thousand(dice) < g.Blanks {
		b = append(b, [...]string{"", " ", "\t", "  \t "}[dice>>60&3]...)
		b = g.end(b, dice>>48)
	}
	b = g.append(b, g.choose(dice>>16))
	return g.end(b, dice>>32)
}

func (g *maker) end(b []byte, dice uint64) []byte {
	if thousand(dice) < g.CRLF {
		b = append(b, '\r')
	}
	return append(b, '\n')
}

func (g *maker) choose(dice uint64) item {
	n, it := thousand(dice), item{bits: g.next()}
	switch {
	case n < g.Duplicates && g.made > 0:
		return g.recent[it.bits%min(g.made, uint64(len(g.recent)))]
	case n < g.Duplicates+g.Junk && n >= g.Duplicates:
		it.kind = kindJunk
	case n < g.Duplicates+g.Junk+g.IPv6 && n >= g.Duplicates:
		it.kind = kindIPv6
	}
	g.recent[g.made%uint64(len(g.recent))] = it
	g.made++
	return it
}

func (g *maker) append(b []byte, it item) []byte {
	x := it.bits
	switch it.kind {
	case kindIPv6:
		return appendIPv6(b, x)
	case kindJunk:
		return appendJunk(b, x)
	}
	b = append(b, g.octets[1+(x>>24&0xff)*222>>8]...) // 1 to 222, without multicast
	b = append(b, '.')
	b = append(b, g.octets[x>>16&0xff]...)
	b = append(b, '.')
	b = append(b, g.octets[x>>8&0xff]...)
	b = append(b, '.')
	return append(b, g.octets[x&0xff]...)
}

func appendIPv6(b []byte, x uint64) []byte {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:], x)
	a[0], a[1] = 0x20, 0x01 // global unicast
	if x&1 == 0 {           // half of them have a run of zeros that the text omits
		binary.BigEndian.PutUint16(a[14:], uint16(x>>16))
	} else {
		binary.BigEndian.PutUint64(a[8:], mix(x))
	}
	return netip.AddrFrom16(a).AppendTo(b)
}

// appendJunk appends an item that is not an address.
func appendJunk(b []byte, x uint64) []byte {
	n := x >> 8 & 0xffff
	switch x & 7 {
	case 0:
		return strconv.AppendUint(append(b, "host-"...), n, 10)
	case 1:
		return strconv.AppendUint(append(b, "999.300."...), n, 10)
	case 2:
		return strconv.AppendUint(append(b, "10.0."...), n&0xff, 10)
	case 3:
		return append(strconv.AppendUint(append(b, "192.0.2."...), n&0xff, 10), "/24"...)
	case 4:
		return append(strconv.AppendUint(append(b, "# seen "...), n, 10), " times"...)
	case 5:
		return append(strconv.AppendUint(append(b, `"name","`...), n, 10), `\"`...)
	case 6:
		return strconv.AppendUint(append(b, "адрес-"...), n, 10)
	default:
		return strconv.AppendUint(append(b, "  0x"...), n, 16)
	}
}
