package catalog

import (
	"bytes"
	"slices"
)

const (
	// HeadBytes is how much of a file's beginning is inspected.
	HeadBytes = 64 << 10
	// TailBytes is how much of a file's end is inspected.
	TailBytes = 4 << 10
)

// ends are the first and the last bytes of a file; those of a short file overlap.
type ends struct {
	head, tail []byte
	whole      bool // head is the whole file
}

// Inspect judges a file by its first and last bytes; whole reports that head is all of
// it. unfit is the reason why its content cannot be worked on and what to do about it,
// else empty. nuls reports whether the file ends in NUL bytes.
func Inspect(head, tail []byte, whole bool) (unfit string, nuls bool) {
	e := ends{head: head, tail: tail, whole: whole}
	return e.unfit(), e.nuls()
}

// nuls reports whether the file ends in NUL bytes. One is enough, because nobody knows
// how much of the last block has been copied, and no line of text ends in one.
func (e ends) nuls() bool { return bytes.HasSuffix(e.tail, []byte{0}) }

// magics are the first bytes of compressed data.
var magics = []struct{ name, bytes, cure string }{
	{"gzip", "\x1f\x8b", "gzip -dc FILE > NEW.txt"},
	{"zip", "PK\x03\x04", "unzip FILE"},
	{"zip", "PK\x05\x06", "unzip FILE"},
	{"zstd", "\x28\xb5\x2f\xfd", "zstd -dc FILE > NEW.txt"},
	{"xz", "\xfd7zXZ\x00", "xz -dc FILE > NEW.txt"},
}

// unfit returns why the content cannot be worked on and what to do about it, or nothing
// when it can.
func (e ends) unfit() string {
	for _, m := range magics {
		if bytes.HasPrefix(e.head, []byte(m.bytes)) {
			return "it holds " + m.name + " data and not lines of text: unpack it first (" + m.cure + ")"
		}
	}
	switch {
	case e.utf16():
		return "it is UTF-16 text, which would be cut into garbage: convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8 FILE > NEW.txt; in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW.txt)"
	case e.bareCR():
		return `its lines end in a bare CR, so all of it would be one item: convert it first (tr '\r' '\n' < FILE > NEW.txt)`
	}
	return ""
}

// utf16 reports whether the file begins with the byte order mark of UTF-16 (or of
// little-endian UTF-32), or every other of its first bytes is NUL.
func (e ends) utf16() bool {
	if bytes.HasPrefix(e.head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(e.head, []byte{0xFE, 0xFF}) {
		return true
	}
	const least, most = 8, 512 // size of the sample in bytes
	sample := e.head[:min(len(e.head), most)]
	if sample = sample[:len(sample)&^1]; len(sample) < least {
		return false
	}
	var nuls [2]int // at even and at odd offsets
	for i, b := range sample {
		if b == 0 {
			nuls[i%2]++
		}
	}
	// Letters outside of Latin 1 have no NUL byte, so a few may be missing.
	return min(nuls[0], nuls[1]) == 0 && max(nuls[0], nuls[1])*8 >= len(sample)/2*7
}

// bareCR reports whether the lines end in CR alone: at least one CR is followed by
// something other than LF, and neither end of the file contains an LF.
func (e ends) bareCR() bool {
	if bytes.IndexByte(e.head, '\n') >= 0 || bytes.IndexByte(e.tail, '\n') >= 0 {
		return false
	}
	at := bytes.IndexByte(e.head, '\r')
	if at < 0 {
		return false
	}
	return !e.whole || slices.ContainsFunc(e.head[at:], func(b byte) bool { return b != '\r' })
}
