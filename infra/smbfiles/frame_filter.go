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

// A frame consists of a length of 4 bytes and a message, which begins with a header.
const (
	lengthSize   = 4
	headerSize   = 64              // size of the header of an SMB2 message
	sealedMin    = 52 + headerSize // size of a transform header and a header
	frameMax     = 9 << 20         // reads are of 1 MiB at most; servers offer up to 8
	headSize     = lengthSize + headerSize
	pendingState = 0x00000103 // status of an interim reply

	cmdSessionSetup = 1
	cmdTreeConnect  = 3
	flagSigned      = 0x8
)

// The errors of a frameFilter, which closes the connection when it returns one.
var (
	errSMB1    = errors.New("the server speaks SMB1 only")
	errNotSMB  = errors.New("the server does not speak SMB")
	errHostile = errors.New("malformed message")
)

// frameFilter is the TCP connection that the client library uses. It passes a message of
// the server only if the library's receiver can process it. A panic in the receiver, which
// runs in a goroutine of the library, could not be caught. The filter checks the first 68
// bytes of each frame; the rest is not copied. It is own code, since go-smb2 trusts the
// lengths and offsets that a server sends.
//
// Read is called by the library's receiver only, Write by its sender only.
type frameFilter struct {
	net.Conn
	created time.Time
	heard   atomic.Int64 // time of the last byte from the server, in ns after created
	ended   atomic.Bool  // a read failed, so the connection cannot be used any more

	refused atomic.Pointer[error] // error for which the filter closed the connection

	// What the client sends. Set by Write, used by Read and others.
	seals  atomic.Bool  // it encrypts
	signs  atomic.Bool  // it signs
	plain  atomic.Bool  // it does neither after the login: the server treats it as a guest
	setups atomic.Int32 // number of login messages without an answer
	frames atomic.Int64 // number of messages of the server that passed

	// Used by Read only.
	head      [headSize]byte
	ready     []byte // part of head that was not returned yet
	remaining int    // bytes of the current frame that were not read yet
}

func newFrameFilter(conn net.Conn) *frameFilter { return &frameFilter{Conn: conn, created: time.Now()} }

// lastHeard returns the time of the last byte from the server.
func (g *frameFilter) lastHeard() time.Time { return g.created.Add(time.Duration(g.heard.Load())) }

// Read implements net.Conn.
func (g *frameFilter) Read(p []byte) (int, error) {
	n, err := g.read(p)
	if n > 0 {
		g.heard.Store(int64(time.Since(g.created)))
	}
	if err != nil {
		g.ended.Store(true)
	}
	return n, err
}

func (g *frameFilter) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(g.ready) == 0 && g.remaining == 0 {
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
	n, err := g.Conn.Read(p[:min(len(p), g.remaining)])
	g.remaining -= n
	return n, err
}

// begin reads the beginning of a frame and checks it. It checks the first eight bytes before
// it reads more, since a server that does not speak SMB may never send 68.
func (g *frameFilter) begin() error {
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
		return fmt.Errorf("%w: wrong magic number", errHostile)
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
	g.ready, g.remaining = g.head[:], size-headerSize
	g.frames.Add(1)
	return nil
}

// checkSealed checks an encrypted message. Before the client encrypts, the library has no
// key and would panic.
func (g *frameFilter) checkSealed(size int) error {
	if !g.seals.Load() {
		return fmt.Errorf("%w: encrypted before the client asked for it", errHostile)
	}
	if size < sealedMin {
		return fmt.Errorf("%w: %d bytes", errHostile, size)
	}
	return nil
}

// checkOpen checks the header of a message that is not encrypted.
func (g *frameFilter) checkOpen(h []byte) error {
	signed := binary.LittleEndian.Uint32(h[16:])&flagSigned != 0
	// The last reply of a login is signed, and the library does not check it.
	setup := binary.LittleEndian.Uint16(h[12:]) == cmdSessionSetup && binary.LittleEndian.Uint32(h[8:]) != pendingState
	switch {
	case g.seals.Load():
		// The library would accept it, so that anybody on the network could forge replies.
		return fmt.Errorf("%w: not encrypted although the client encrypts", errHostile)
	case binary.LittleEndian.Uint16(h[4:]) != headerSize:
		return fmt.Errorf("%w: header size", errHostile)
	case binary.LittleEndian.Uint32(h[20:]) != 0:
		return fmt.Errorf("%w: unrequested compound reply", errHostile)
	case setup && g.setups.Add(-1) < 0:
		return fmt.Errorf("%w: unrequested login reply", errHostile)
	case signed && !setup && !g.signs.Load():
		// A guest has no key to check the signature.
		return fmt.Errorf("%w: signed although the client does not sign", errHostile)
	}
	return nil
}

// Write implements net.Conn. It records which kinds of messages the client sends. The
// library writes each message as a whole, after its length.
func (g *frameFilter) Write(p []byte) (int, error) {
	if len(p) >= headerSize {
		g.recordSent(p)
	}
	n, err := g.Conn.Write(p)
	if why := g.refused.Load(); err != nil && why != nil {
		err = *why // a writer may notice the end first
	}
	return n, err
}

func (g *frameFilter) recordSent(h []byte) {
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
