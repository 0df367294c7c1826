package recordset

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kbin"
)

const (
	// maxWindow is the largest window that a zstd decoder accepts by default. It is
	// that of compression level 22, the highest.
	maxWindow = 128 << 20
	// windowAt is the place of the window's size in a frame that has one.
	windowAt = 5
	// smallWindow is a size of MaxInflated as a frame states it: 10 plus its upper
	// five bits is the exponent of a power of two.
	smallWindow = (24 - 10) << 3
)

// boundWindows returns the frames with every window larger than MaxInflated replaced
// by one of that size. The content of a batch may not become larger than that, so no
// frame that is read refers back further: the smaller window means the same, and
// needs no more memory than any other. What is not a frame is left to the decoder.
func boundWindows(frames []byte) ([]byte, error) {
	rest, cloned := frames, false
	for len(rest) > 0 {
		var h zstd.Header
		if h.Decode(rest) != nil {
			break
		}
		if h.WindowSize > maxWindow {
			return nil, fmt.Errorf("its zstd window of %d bytes is larger than %d: have its producer compress with a window of 27 bits at most, "+
				"or not at all", h.WindowSize, maxWindow)
		}
		if h.WindowSize > MaxInflated {
			if !cloned {
				frames, cloned = bytes.Clone(frames), true
			}
			frames[len(frames)-len(rest)+windowAt] = smallWindow
		}
		rest = afterFrame(rest, h)
	}
	return frames, nil
}

// afterFrame returns what follows the first frame, nothing when the frame is not
// whole.
func afterFrame(frame []byte, h zstd.Header) []byte {
	r := kbin.Reader{Src: frame}
	r.Span(h.HeaderSize)
	if h.Skippable {
		r.Span(int(h.SkippableSize))
		return r.Src
	}
	for last := false; !last && r.Ok(); {
		last = skipBlock(&r)
	}
	if h.HasCheckSum {
		r.Span(4)
	}
	return r.Src
}

// skipBlock steps over one block of a frame and reports whether it is the last one.
func skipBlock(r *kbin.Reader) (last bool) {
	const runLength = 1 // a block of one byte that is repeated
	b := r.Span(3)
	if b == nil {
		return true
	}
	header := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	size := header >> 3
	if header>>1&3 == runLength {
		size = 1
	}
	r.Span(size)
	return header&1 == 1
}
