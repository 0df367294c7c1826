package recordset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kbin"
)

// MaxInflated is the largest size of an inflated batch. Producers bound a batch before they
// compress it, by 1 MB in the default of every client; 16 times that leaves room for other
// settings.
const MaxInflated = 16 << 20

// The codecs of a batch's attributes.
const (
	none = iota
	gzipped
	snappied
	lz4ed
	zstded
)

// xerialMagic is the beginning of the framing that Java clients use for snappy.
const xerialMagic = "\x82SNAPPY\x00"

// xerialHeader is the size of the header of that framing: xerialMagic and two versions.
const xerialHeader = 16

// Inflater decompresses batches, each up to MaxInflated. It is safe for concurrent use and
// need not be closed.
type Inflater struct{ zstd *zstd.Decoder }

// NewInflater returns an Inflater.
func NewInflater() (*Inflater, error) {
	// The decoder refuses larger windows too; see boundWindows.
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxInflated))
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return &Inflater{zstd: d}, nil
}

func (in *Inflater) inflate(codec int, data []byte) (out []byte, err error) {
	switch codec {
	case none:
		return data, nil
	case gzipped:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			out, err = readBounded(r)
		}
	case snappied:
		out, err = unsnap(data)
	case lz4ed:
		out, err = readBounded(lz4.NewReader(bytes.NewReader(data)))
	case zstded:
		if data, err = boundWindows(data); err == nil {
			out, err = in.zstd.DecodeAll(data, nil)
		}
	default:
		err = fmt.Errorf("codec %d is not known", codec)
	}
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%w: decompress: %w", ErrUnreadable, err)
	}
	return out, nil
}

// errTooLarge is the error of a batch that is larger than MaxInflated when it is inflated.
var errTooLarge = fmt.Errorf("it has more than %d bytes when it is inflated: have its producer send smaller batches", MaxInflated)

func readBounded(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, MaxInflated+1))
	if err == nil && len(out) > MaxInflated {
		err = errTooLarge
	}
	return out, err
}

// unsnap inflates a snappy block, or several ones in the framing of Java clients. It checks
// the size that a block announces before it allocates memory.
func unsnap(data []byte) ([]byte, error) {
	if len(data) < xerialHeader || string(data[:len(xerialMagic)]) != xerialMagic {
		return appendSnapped(nil, data)
	}
	var out []byte
	for r := (kbin.Reader{Src: data[xerialHeader:]}); len(r.Src) > 0; {
		block := r.Span(int(r.Uint32()))
		if !r.Ok() {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if out, err = appendSnapped(out, block); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendSnapped(out, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if n > MaxInflated-len(out) {
		return nil, errTooLarge
	}
	plain, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, err
	}
	return append(out, plain...), nil
}
