package results

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// Figures counts and hashes what is written to it.
type Figures struct {
	digest *xxhash.Digest
	bytes  int64
	ends   int64 // line ends
	last   byte
}

// NewFigures returns figures of nothing.
func NewFigures() *Figures { return &Figures{digest: xxhash.New()} }

// Write implements io.Writer. It never fails.
func (f *Figures) Write(p []byte) (int, error) {
	if len(p) > 0 {
		_, _ = f.digest.Write(p)
		f.bytes += int64(len(p))
		f.ends += int64(bytes.Count(p, []byte{'\n'}))
		f.last = p[len(p)-1]
	}
	return len(p), nil
}

// Bytes returns the number of bytes.
func (f *Figures) Bytes() int64 { return f.bytes }

// Lines returns the number of lines. The last one counts with or without its line end.
func (f *Figures) Lines() int64 {
	if f.Open() {
		return f.ends + 1
	}
	return f.ends
}

// Open reports whether the last line has no line end.
func (f *Figures) Open() bool { return f.bytes > 0 && f.last != '\n' }

// Hash returns the hash as manifests carry it.
func (f *Figures) Hash() string { return Hash(f.digest.Sum64()) }
