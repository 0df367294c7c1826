package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	sizeBytes = 4 // length of a frame's size field
	// minFrame is the smallest request header: key, version, correlation id and
	// the length of the client id.
	minFrame = 10
	maxFrame = 16 << 20
	// tagsBytes is the longest that the number of tags behind the client id is.
	tagsBytes = binary.MaxVarintLen32
)

// guardListener wraps every connection in a guardConn.
type guardListener struct{ net.Listener }

func (l guardListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardConn{Conn: c}, nil
}

// guardConn hands on only frames whose header kfake survives. kfake allocates
// whatever size a frame announces, dereferences nil for an API key that it does
// not know, which ends the whole process, and counts down from whatever number
// of tags a header announces, which takes a core for a minute. Only one
// goroutine reads.
type guardConn struct {
	net.Conn
	head    []byte // what was read of the present frame to check it
	pending []byte // rest of head that was not handed on yet
	body    int    // bytes of the frame after head that were not read yet
}

// Read reads up to the end of the present frame. A frame that is refused is a
// read error, upon which kfake closes the connection.
func (c *guardConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.pending) == 0 && c.body == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.body)])
	c.body -= n
	return n, err
}

// next reads and checks the header of the following frame.
func (c *guardConn) next() error {
	c.head = c.head[:0]
	if err := c.read(sizeBytes + minFrame); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(c.head)
	if size < minFrame || size > maxFrame {
		return fmt.Errorf("read frame: size %d is not within %d and %d", size, minFrame, maxFrame)
	}
	c.body = int(size) - minFrame
	header := c.head[sizeBytes:]
	key := int16(binary.BigEndian.Uint16(header))
	if key < 0 || key > kmsg.MaxKey {
		return fmt.Errorf("read frame: unknown API key %d", key)
	}
	req := kmsg.RequestForKey(key)
	if req == nil {
		return fmt.Errorf("read frame: unknown API key %d", key)
	}
	req.SetVersion(int16(binary.BigEndian.Uint16(header[2:])))
	if req.IsFlexible() {
		if err := c.checkTags(max(0, int(int16(binary.BigEndian.Uint16(header[8:]))))); err != nil {
			return err
		}
	}
	c.pending = c.head
	return nil
}

// checkTags reads the client id and the number of tags behind it.
func (c *guardConn) checkTags(clientID int) error {
	if clientID > c.body {
		return fmt.Errorf("read frame: client id of %d bytes in a frame with %d left", clientID, c.body)
	}
	more := min(clientID+tagsBytes, c.body)
	if err := c.read(more); err != nil {
		return err
	}
	c.body -= more
	rest := c.head[sizeBytes+minFrame+clientID:]
	tags, n := binary.Uvarint(rest)
	left := len(rest) + c.body
	if n <= 0 || tags > uint64(left)/2 { // each has a key and a length
		return fmt.Errorf("read frame: %d tags in a frame with %d bytes left", tags, left)
	}
	return nil
}

// read appends n bytes to head.
func (c *guardConn) read(n int) error {
	from := len(c.head)
	c.head = append(c.head, make([]byte, n)...)
	_, err := io.ReadFull(c.Conn, c.head[from:])
	return err
}
