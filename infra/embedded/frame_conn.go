package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
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

// frameConn passes only complete frames that kfake can process. kfake itself allocates
// any size that a frame announces, dereferences nil for an unknown API key, which ends the
// process, and loops over any number of tags that a frame announces (see untagged). Only
// one goroutine may read.
type frameConn struct {
	net.Conn
	limits  *connLimits
	pending []byte // rest of the current frame
	closed  atomic.Bool
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
		c.pending = frame
	}
	n := copy(p, c.pending)
	if c.pending = c.pending[n:]; len(c.pending) == 0 {
		c.pending = nil // frees an array that may be large
	}
	return n, nil
}

// Close closes the connection and removes it from the count.
func (c *frameConn) Close() error {
	c.limits.leave(c)
	return c.Conn.Close()
}

// next reads and checks the next frame.
func (c *frameConn) next() ([]byte, error) {
	head := make([]byte, sizeBytes+minFrame)
	if _, err := io.ReadFull(c.Conn, head[:1]); err != nil {
		return nil, err
	}
	if err := c.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c.Conn, head[1:]); err != nil {
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
	frame, err := c.body(head, int(size)-minFrame)
	if err != nil {
		return nil, err
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if frame, err = c.check(frame); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return frame, nil
}

// body appends n bytes to head. It allocates memory as they arrive, so that a client that
// announces a large frame and sends nothing uses no memory.
func (c *frameConn) body(head []byte, n int) ([]byte, error) {
	frame := head
	unfinished := int64(0)
	defer func() { c.limits.unfinished.Add(-unfinished) }()
	for n > 0 {
		step := min(n, max(readStep, len(frame)))
		unfinished += int64(step)
		if total := c.limits.unfinished.Add(int64(step)); total > maxUnfinished {
			return nil, fmt.Errorf("read frame: all connections together have %d bytes of incomplete requests, allowed %d", total, maxUnfinished)
		}
		from := len(frame)
		frame = slices.Grow(frame, step)[:from+step]
		if _, err := io.ReadFull(c.Conn, frame[from:]); err != nil {
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
	batchCheck
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
