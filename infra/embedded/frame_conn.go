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
	sizeBytes = 4 // length of a frame's size field
	// minFrame is the smallest request header: key, version, correlation id and
	// the length of the client id.
	minFrame = 10
	// maxProduce bounds a produce request: a batch has at most 1 MiB, and clients
	// send several of them together.
	maxProduce = 16 << 20
	// maxFrame bounds every other request. Decoding makes up to a hundred bytes
	// for each one that announces an element of an array. 20,000 partitions fit
	// into the largest, a fetch.
	maxFrame = 512 << 10

	// maxHeld bounds what all connections together hold of frames that have not
	// arrived whole.
	maxHeld = 64 << 20
	// readStep is how much memory a frame gets before its bytes have come.
	readStep = 64 << 10
	// frameTimeout is how long a frame may take from its first byte to its last.
	frameTimeout = 30 * time.Second
)

const produceKey = 0

// guardConn hands on only whole frames that kfake survives. kfake allocates
// whatever size a frame announces, dereferences nil for an API key that it does
// not know, which ends the whole process, and counts down from whatever number
// of tags a frame announces (see untagged). Only one goroutine reads.
type guardConn struct {
	net.Conn
	gate    *gate
	pending []byte      // rest of the frame that was not handed on yet
	gone    atomic.Bool // closed
}

// Read reads the present frame, or waits for the next one. A frame that is
// refused is a read error, upon which kfake closes the connection.
func (c *guardConn) Read(p []byte) (int, error) {
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
		c.pending = nil // the array may be large
	}
	return n, nil
}

// Close gives the place of the connection free.
func (c *guardConn) Close() error {
	c.gate.left(c)
	return c.Conn.Close()
}

// next reads and checks the following frame.
func (c *guardConn) next() ([]byte, error) {
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

// body appends n bytes to head, making memory as they come: whoever announces
// much and sends nothing holds nothing.
func (c *guardConn) body(head []byte, n int) ([]byte, error) {
	frame := head
	held := int64(0)
	defer func() { c.gate.held.Add(-held) }()
	for n > 0 {
		step := min(n, max(readStep, len(frame)))
		held += int64(step)
		if total := c.gate.held.Add(int64(step)); total > maxHeld {
			return nil, fmt.Errorf("read frame: all connections hold %d bytes of unfinished requests, allowed %d", total, maxHeld)
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

// check looks at a frame and returns the one to hand on.
func (c *guardConn) check(frame []byte) ([]byte, error) {
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
		return frame, c.gate.checkProduce(req.GetVersion(), frame[at:])
	}
	return frame, nil
}

// gate is what all connections of a broker share.
type gate struct {
	held  atomic.Int64
	conns atomic.Int64
	most  int64 // connections
	batchCheck
}

// entered counts a connection. It is false when there are too many.
func (g *gate) entered() bool {
	if g.conns.Add(1) <= g.most {
		return true
	}
	g.conns.Add(-1)
	return false
}

func (g *gate) left(c *guardConn) {
	if c.gone.CompareAndSwap(false, true) {
		g.conns.Add(-1)
	}
}
