package actors

import (
	"bytes"
	"context"
	"slices"

	"kafka-master/messages"
)

const (
	// headBytes is how much of a file's beginning is looked at to tell what it is.
	headBytes = 64 << 10
	// tailBytes is how much of its end is looked at.
	tailBytes = 4 << 10
)

// ends are the first and the last bytes of a file; of a short one they overlap.
type ends struct {
	head, tail []byte
	whole      bool // head is the whole file
}

// readEnds reads the ends of a file.
func readEnds(ctx context.Context, files Files, f messages.FileInfo) (e ends, err error) {
	e.whole = f.Size <= headBytes
	e.head, err = readRange(ctx, files, f, 0, min(f.Size, headBytes))
	switch {
	case err != nil:
	case e.whole:
		e.tail = e.head[max(0, len(e.head)-tailBytes):]
	default:
		e.tail, err = readRange(ctx, files, f, f.Size-tailBytes, tailBytes)
	}
	return e, err
}

func readRange(ctx context.Context, files Files, f messages.FileInfo, off, length int64) ([]byte, error) {
	out := make([]byte, 0, length)
	err := files.Stream(ctx, f, off, length, func(b []byte) error {
		out = append(out, b...)
		return nil
	})
	return out, err
}

// nuls reports whether the file ends in NUL bytes. One is enough: how much of the
// last block has been copied is not known, and no line of text ends so.
func (e ends) nuls() bool { return bytes.HasSuffix(e.tail, []byte{0}) }

// magics are the first bytes of packed data.
var magics = []struct{ name, bytes, cure string }{
	{"gzip", "\x1f\x8b", "gzip -dc FILE > NEW.txt"},
	{"zip", "PK\x03\x04", "unzip FILE"},
	{"zip", "PK\x05\x06", "unzip FILE"},
	{"zstd", "\x28\xb5\x2f\xfd", "zstd -dc FILE > NEW.txt"},
	{"xz", "\xfd7zXZ\x00", "xz -dc FILE > NEW.txt"},
}

// unfit says why the content cannot be worked on and what to do about it; empty
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
	const least, most = 8, 512 // bytes that are looked at
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
	// Letters outside of Latin 1 have no NUL, so not quite all need to be there.
	return min(nuls[0], nuls[1]) == 0 && max(nuls[0], nuls[1])*8 >= len(sample)/2*7
}

// bareCR reports whether CR alone ends the lines: there is one that something else
// than an LF follows, and no LF at either end of the file.
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
