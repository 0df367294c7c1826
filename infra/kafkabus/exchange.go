package kafkabus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

const (
	// maxRecordSet bounds what is read of the records of one partition. A broker sends the
	// first batch whole, however large; by default it accepts batches of 1 MiB.
	maxRecordSet = 16 << 20
	// headBytes are read of a larger set. They hold the first and last offset of its first
	// batch.
	headBytes = 61
	// maxNamed bounds the arrays of an answer. No request names as many.
	maxNamed = 1 << 20
)

// fetchExchange is a fetch request that reads its answer itself. kafka-go would decompress
// batches without a bound, and fail the whole answer for one batch that it cannot read.
type fetchExchange struct {
	*fetch.Request
	clientID string
	version  int16
}

// fetchAnswer is the answer to a fetchExchange.
type fetchAnswer struct {
	code       int16
	partitions []partitionAnswer
}

// partitionAnswer is the answer for one partition.
type partitionAnswer struct {
	partition
	code       int16
	start, end int64
	set        []byte // record set as it was sent
	cut        bool   // set holds only the beginning of it
}

// ApiKey implements protocol.Message.
func (fetchAnswer) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Required implements protocol.RawExchanger: it is always required.
func (e *fetchExchange) Required(versions map[protocol.ApiKey]int16) bool {
	e.version = versions[protocol.Fetch]
	return true
}

// RawExchange implements protocol.RawExchanger. After an error the transport
// closes the connection.
func (e *fetchExchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	const correlation = 1 // a connection carries one request at a time
	if err := protocol.WriteRequest(rw, e.version, correlation, e.clientID, e.Request); err != nil {
		return nil, err
	}
	r := &answerReader{from: bufio.NewReader(rw), left: 4}
	r.left = int64(r.int32())
	if id := r.int32(); r.err == nil && id != correlation {
		return nil, fmt.Errorf("read fetch answer: %w: correlation id %d, want %d", errProtocol, id, correlation)
	}
	answer := r.fetchAnswer(e.version)
	if r.err == nil && r.left > 0 {
		r.discard(r.left)
	}
	if r.err != nil {
		return nil, fmt.Errorf("read fetch answer: %w", r.err)
	}
	return answer, nil
}

// errProtocol means that an answer violates the protocol. It counts as a broken connection:
// the call can be repeated.
var errProtocol = protocol.Error("malformed answer")

// answerReader reads the fields of an answer from a connection. After an error it returns
// zeros.
type answerReader struct {
	from *bufio.Reader
	left int64 // bytes of the answer that are not read yet
	err  error
	word [8]byte
}

func (r *answerReader) fetchAnswer(version int16) *fetchAnswer {
	a := &fetchAnswer{}
	if version >= 1 {
		r.discard(4) // throttle time
	}
	if version >= 7 {
		a.code = r.int16()
		r.discard(4) // session
	}
	for range r.length() {
		topic := string(r.bytes(int64(r.int16())))
		for range r.length() {
			p := r.partition(version)
			p.topic = topic
			if r.err != nil {
				return a
			}
			a.partitions = append(a.partitions, p)
		}
	}
	return a
}

func (r *answerReader) partition(version int16) (p partitionAnswer) {
	p.start = -1
	p.index, p.code, p.end = r.int32(), r.int16(), r.int64()
	if version >= 4 {
		r.discard(8) // last stable offset
	}
	if version >= 5 {
		p.start = r.int64()
	}
	if version >= 4 {
		r.discard(16 * int64(r.length())) // aborted transactions
	}
	if version >= 11 {
		r.discard(4) // preferred replica
	}
	size := int64(max(0, r.int32()))
	if p.cut = size > maxRecordSet; p.cut {
		p.set = r.bytes(headBytes)
		r.discard(size - headBytes)
		return p
	}
	p.set = r.bytes(size)
	return p
}

func (r *answerReader) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if r.err == nil {
		r.err = err
	}
}

// has reports whether n more bytes belong to the answer.
func (r *answerReader) has(n int64) bool {
	if r.err == nil && (n < 0 || n > r.left) {
		r.fail(fmt.Errorf("%w: a field of %d bytes where %d are left", errProtocol, n, r.left))
	}
	return r.err == nil
}

func (r *answerReader) bytes(n int64) []byte {
	if !r.has(n) {
		return nil
	}
	b := make([]byte, n)
	r.fill(b)
	return b
}

func (r *answerReader) fill(b []byte) {
	if _, err := io.ReadFull(r.from, b); err != nil {
		r.fail(err)
	}
	r.left -= int64(len(b))
}

// number reads n bytes as a big-endian number.
func (r *answerReader) number(n int64) uint64 {
	if !r.has(n) {
		return 0
	}
	r.word = [8]byte{}
	r.fill(r.word[8-n:])
	if r.err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(r.word[:])
}

func (r *answerReader) int16() int16 { return int16(r.number(2)) }
func (r *answerReader) int32() int32 { return int32(r.number(4)) }
func (r *answerReader) int64() int64 { return int64(r.number(8)) }

func (r *answerReader) discard(n int64) {
	if !r.has(n) {
		return
	}
	if _, err := io.CopyN(io.Discard, r.from, n); err != nil {
		r.fail(err)
	}
	r.left -= n
}

// length reads the length of an array. A negative one means none.
func (r *answerReader) length() int32 {
	n := r.int32()
	if n > maxNamed {
		r.fail(fmt.Errorf("%w: an array of %d", errProtocol, n))
		return 0
	}
	return max(0, n)
}
