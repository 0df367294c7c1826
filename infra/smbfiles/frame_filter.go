package smbfiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// What a frame looks like: 4 bytes of length, then the header.
const (
	lengthSize   = 4
	headerSize   = 64              // of an SMB2 message
	sealedMin    = 52 + headerSize // transform header, then at least a header
	frameMax     = 9 << 20         // we ask for 1 MiB at most; servers offer up to 8
	headSize     = lengthSize + headerSize
	pendingState = 0x00000103 // "not yet": an interim reply

	cmdSessionSetup = 1
	cmdTreeConnect  = 3
	flagSigned      = 0x8
)

// Errors of the guard. The connection is closed when one is returned.
var (
	errSMB1    = errors.New("the server speaks SMB1 only")
	errNotSMB  = errors.New("the server does not speak SMB")
	errHostile = errors.New("malformed message")
)

// guard is the TCP connection as the client library sees it. It lets a message of
// the server pass only if the library's receiver survives it: that goroutine is
// the library's own, so a panic there could not be caught. It looks at the first
// 68 bytes of each frame; the rest goes through without a copy. It is own code, since
// go-smb2 is the only client library for SMB in Go and does not check these itself.
//
// Read is called by the library's receiver only, Write by its sender only.
type guard struct {
	net.Conn
	born  time.Time
	heard atomic.Int64 // when the last byte came, in ns after born
	ended atomic.Bool  // a read failed: the session is of no use any more

	refused atomic.Pointer[error] // why the guard closed the connection

	// What the client sent. Written by Write, read by Read and by others.
	seals  atomic.Bool  // it encrypts
	signs  atomic.Bool  // it signs
	plain  atomic.Bool  // it does neither, after the login: the server took it for a guest
	setups atomic.Int32 // login messages that the server has not answered
	frames atomic.Int64 // messages of the server that passed

	// Owned by Read.
	head  [headSize]byte
	ready []byte // part of head that was not handed out yet
	left  int    // bytes of the frame that are not read yet
}

func newGuard(conn net.Conn) *guard { return &guard{Conn: conn, born: time.Now()} }

// lastHeard is when the last byte of the server came.
func (g *guard) lastHeard() time.Time { return g.born.Add(time.Duration(g.heard.Load())) }

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.read(p)
	if n > 0 {
		g.heard.Store(int64(time.Since(g.born)))
	}
	if err != nil {
		g.ended.Store(true)
	}
	return n, err
}

func (g *guard) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(g.ready) == 0 && g.left == 0 {
		if err := g.begin(); err != nil {
			g.refused.Store(&err)
			_ = g.Conn.Close()
			return 0, err
		}
	}
	if len(g.ready) > 0 {
		n := copy(p, g.ready)
		g.ready = g.ready[n:]
		return n, nil
	}
	n, err := g.Conn.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// begin reads the start of a frame and checks it. The four bytes of the length
// are judged first, as what is no SMB server may never send 68.
func (g *guard) begin() error {
	if _, err := io.ReadFull(g.Conn, g.head[:lengthSize+4]); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(g.head[:lengthSize]))
	magic := g.head[lengthSize : lengthSize+4]
	switch {
	case g.head[0] == 0 && magic[0] == 0xFF && string(magic[1:]) == "SMB":
		return errSMB1
	case g.head[0] != 0 || (magic[0] != 0xFE && magic[0] != 0xFD) || string(magic[1:]) != "SMB":
		if g.frames.Load() == 0 {
			return errNotSMB
		}
		return fmt.Errorf("%w: it does not begin like one", errHostile)
	case size < headerSize || size > frameMax:
		return fmt.Errorf("%w: %d bytes", errHostile, size)
	}
	if _, err := io.ReadFull(g.Conn, g.head[lengthSize+4:]); err != nil {
		return err
	}
	var err error
	if magic[0] == 0xFD {
		err = g.checkSealed(size)
	} else {
		err = g.checkOpen(g.head[lengthSize:])
	}
	if err != nil {
		return err
	}
	g.ready, g.left = g.head[:], size-headerSize
	g.frames.Add(1)
	return nil
}

// checkSealed checks an encrypted message. Before the client encrypts, the
// library has no key and would fall over it.
func (g *guard) checkSealed(size int) error {
	if !g.seals.Load() {
		return fmt.Errorf("%w: encrypted before the client asked for it", errHostile)
	}
	if size < sealedMin {
		return fmt.Errorf("%w: %d bytes", errHostile, size)
	}
	return nil
}

// checkOpen checks the header of a message that is not encrypted.
func (g *guard) checkOpen(h []byte) error {
	signed := binary.LittleEndian.Uint32(h[16:])&flagSigned != 0
	// The reply that ends a login is signed, and is not checked by the library.
	setup := binary.LittleEndian.Uint16(h[12:]) == cmdSessionSetup && binary.LittleEndian.Uint32(h[8:]) != pendingState
	switch {
	case g.seals.Load():
		// The library would take it, so anybody on the way could forge replies.
		return fmt.Errorf("%w: not encrypted although the client encrypts", errHostile)
	case binary.LittleEndian.Uint16(h[4:]) != headerSize:
		return fmt.Errorf("%w: header size", errHostile)
	case binary.LittleEndian.Uint32(h[20:]) != 0:
		return fmt.Errorf("%w: compound reply that nobody asked for", errHostile)
	case setup && g.setups.Add(-1) < 0:
		return fmt.Errorf("%w: login reply that nobody asked for", errHostile)
	case signed && !setup && !g.signs.Load():
		// Guests have no key to check a signature with.
		return fmt.Errorf("%w: signed although the client does not sign", errHostile)
	}
	return nil
}

// Write implements net.Conn. It notes what kind of messages the client sends; the
// library hands over each message whole, after its length.
func (g *guard) Write(p []byte) (int, error) {
	if len(p) >= headerSize {
		g.note(p)
	}
	n, err := g.Conn.Write(p)
	if why := g.refused.Load(); err != nil && why != nil {
		err = *why // a writer may be the first to notice
	}
	return n, err
}

func (g *guard) note(h []byte) {
	if h[0] == 0xFD {
		g.seals.Store(true)
		return
	}
	signed := binary.LittleEndian.Uint32(h[16:])&flagSigned != 0
	switch command := binary.LittleEndian.Uint16(h[12:]); {
	case signed:
		g.signs.Store(true)
	case command == cmdSessionSetup:
		g.setups.Add(1)
	case command == cmdTreeConnect:
		g.plain.Store(true)
	}
}
