package embedded

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	sizeBytes = 4 // size of a frame's length field
	// minFrame is the size of the smallest request header: key, version, correlation id
	// and the length of the client id.
	minFrame = 10
	// maxProduce bounds a produce request. A batch has at most 1 MiB, and clients send
	// several in one request.
	maxProduce = 16 << 20
	// maxFrame bounds every other request. Decoding allocates up to a hundred bytes for
	// each byte that announces an element of an array. A fetch of 20,000 partitions, the
	// largest of these requests, still fits.
	maxFrame = 512 << 10

	// maxUnfinished bounds the memory for incomplete frames of all connections together.
	maxUnfinished = 64 << 20
	// readStep is the memory that is allocated for a frame before its bytes arrive.
	readStep = 64 << 10
	// frameTimeout is the longest time from the first byte of a frame to its last.
	frameTimeout = 30 * time.Second
)

const produceKey = 0

// headSize is the memory of each connection for what has arrived and is not read yet. Most
// requests but those that produce fit into it.
const headSize = 512

// maxRecycled is the size up to which the memory of large frames is used again.
const maxRecycled = 4 << 20

// frameConn passes only complete frames that kfake can process. kfake itself allocates
// any size that a frame announces, dereferences nil for an unknown API key, which ends the
// process, and loops over any number of tags that a frame announces (see untagged). Only
// one goroutine may read.
type frameConn struct {
	net.Conn
	in      *bufio.Reader
	limits  *connLimits
	frame   []byte // current frame
	pending []byte // rest of it
	closed  atomic.Bool
}

func newFrameConn(c net.Conn, g *connLimits) *frameConn {
	return &frameConn{Conn: c, in: bufio.NewReaderSize(c, headSize), limits: g}
}

// Read reads from the current frame, or waits for the next one. If a frame is refused, it
// returns an error, and kfake closes the connection.
func (c *frameConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.pending) == 0 {
		frame, err := c.next()
		if err != nil {
			return 0, err
		}
		c.frame, c.pending = frame, frame
	}
	n := copy(p, c.pending)
	if c.pending = c.pending[n:]; len(c.pending) == 0 {
		c.limits.recycle(c.frame)
		c.frame, c.pending = nil, nil
	}
	return n, nil
}

// Close closes the connection and removes it from the count.
func (c *frameConn) Close() error {
	c.limits.leave(c)
	return c.Conn.Close()
}

// next reads and checks the next frame. Most small ones arrive as a whole and need no
// deadline.
func (c *frameConn) next() ([]byte, error) {
	if _, err := c.in.Peek(1); err != nil {
		return nil, err
	}
	whole := c.in.Buffered() >= sizeBytes && c.in.Buffered()-sizeBytes >= c.announced()
	if !whole {
		if err := c.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
			return nil, err
		}
	}
	frame, err := c.body()
	if err != nil {
		return nil, err
	}
	if !whole {
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
	}
	if frame, err = c.check(frame); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return frame, nil
}

// announced is the size of the next frame, of which the length has arrived.
func (c *frameConn) announced() int {
	head, _ := c.in.Peek(sizeBytes)
	return int(binary.BigEndian.Uint32(head))
}

// body reads a frame. It allocates memory as the bytes arrive, so that a client that
// announces a large frame and sends nothing uses no memory.
func (c *frameConn) body() ([]byte, error) {
	head, err := c.in.Peek(sizeBytes + minFrame)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	key := int16(binary.BigEndian.Uint16(head[sizeBytes:]))
	limit := uint32(maxFrame)
	if key == produceKey {
		limit = maxProduce
	}
	if size < minFrame || size > limit {
		return nil, fmt.Errorf("read frame: size %d is not within %d and %d", size, minFrame, limit)
	}
	if key < 0 || key > kmsg.MaxKey || kmsg.RequestForKey(key) == nil {
		return nil, fmt.Errorf("read frame: unknown API key %d", key)
	}
	n := sizeBytes + int(size)
	var frame []byte
	if n > readStep {
		frame = c.limits.buffer()
	}
	unfinished := int64(0)
	defer func() { c.limits.unfinished.Add(-unfinished) }()
	for n > 0 {
		step := min(n, max(readStep, len(frame), cap(frame)-len(frame)))
		unfinished += int64(step)
		if total := c.limits.unfinished.Add(int64(step)); total > maxUnfinished {
			return nil, fmt.Errorf("read frame: all connections together have %d bytes of incomplete requests, allowed %d", total, maxUnfinished)
		}
		from := len(frame)
		frame = slices.Grow(frame, step)[:from+step]
		if _, err := io.ReadFull(c.in, frame[from:]); err != nil {
			return nil, err
		}
		n -= step
	}
	return frame, nil
}

// check checks a frame and returns the one to pass on.
func (c *frameConn) check(frame []byte) ([]byte, error) {
	header := frame[sizeBytes:]
	key := int16(binary.BigEndian.Uint16(header))
	req := kmsg.RequestForKey(key)
	req.SetVersion(int16(binary.BigEndian.Uint16(header[2:])))
	client := max(0, int(int16(binary.BigEndian.Uint16(header[minFrame-2:]))))
	if client > len(header)-minFrame {
		return nil, fmt.Errorf("client id of %d bytes in a frame with %d left", client, len(header)-minFrame)
	}
	at := sizeBytes + minFrame + client
	if req.IsFlexible() {
		return untag(req, frame[:at])
	}
	if key == produceKey {
		return frame, c.limits.checkProduce(req.GetVersion(), frame[at:])
	}
	return frame, nil
}

// connLimits holds the limits and checks that the connections of a broker share.
type connLimits struct {
	unfinished atomic.Int64
	conns      atomic.Int64
	maxConns   int64
	frames     sync.Pool // *[]byte of at least readStep: memory of frames that were read
	batchCheck
}

// buffer returns memory for a large frame, without any content.
func (g *connLimits) buffer() []byte {
	if b, ok := g.frames.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

// recycle takes the memory of a frame that kfake has read, which it does by copying.
func (g *connLimits) recycle(frame []byte) {
	if cap(frame) >= readStep && cap(frame) <= maxRecycled {
		g.frames.Put(&frame)
	}
}

// enter counts a connection and reports whether it is within the limit.
func (g *connLimits) enter() bool {
	if g.conns.Add(1) <= g.maxConns {
		return true
	}
	g.conns.Add(-1)
	return false
}

func (g *connLimits) leave(c *frameConn) {
	if c.closed.CompareAndSwap(false, true) {
		g.conns.Add(-1)
	}
}
