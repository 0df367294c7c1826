package smbfiles

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recorded is a connection that has received some bytes. Written bytes are dropped.
type recorded struct {
	net.Conn // nil, since no other methods are called
	in       io.Reader
	closed   bool
}

func (r *recorded) Read(p []byte) (int, error)  { return r.in.Read(p) }
func (r *recorded) Write(p []byte) (int, error) { return len(p), nil }
func (r *recorded) Close() error                { r.closed = true; return nil }

// message returns a message without encryption and with a body of some bytes.
func message(command uint16, flags uint32, size int) []byte {
	b := make([]byte, lengthSize+headerSize+size)
	binary.BigEndian.PutUint32(b, uint32(headerSize+size))
	copy(b[4:], "\xfeSMB")
	binary.LittleEndian.PutUint16(b[8:], headerSize)
	binary.LittleEndian.PutUint16(b[16:], command)
	binary.LittleEndian.PutUint32(b[20:], flags)
	return b
}

func sealed(size int) []byte {
	b := make([]byte, lengthSize+size)
	binary.BigEndian.PutUint32(b, uint32(size))
	copy(b[4:], "\xfdSMB")
	return b
}

// set returns b with other bytes at a position of its header.
func set(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[lengthSize+at:], to)
	return b
}

type filterCase struct {
	sent [][]byte // messages that the client has sent
	in   []byte   // message of the server
	want error    // nil if the message passes
}

func filterCases() map[string]filterCase {
	login, sign, seal := message(cmdSessionSetup, 0, 8)[4:], message(8, flagSigned, 8)[4:], sealed(200)[4:]
	return map[string]filterCase{

		"reply":                   {nil, message(8, 0, 100), nil},
		"reply without body":      {nil, message(8, 0, 0), nil},
		"signed":                  {[][]byte{sign}, message(8, flagSigned, 100), nil},
		"signed login":            {[][]byte{login}, message(cmdSessionSetup, flagSigned, 100), nil},
		"encrypted":               {[][]byte{seal}, sealed(sealedMin), nil},
		"interim":                 {[][]byte{sign}, set(message(8, 2, 9), 8, 3, 1, 0, 0), nil},
		"smb1":                    {nil, []byte("\x00\x00\x00\x23\xffSMBxxxxxxx"), errSMB1},
		"smb1 keep-alive":         {nil, []byte("\x85\x00\x00\x00\x00\x00\x00\x00"), errNotSMB},
		"text":                    {nil, []byte("SSH-2.0-x\r\n"), errNotSMB},
		"no bytes":                {nil, make([]byte, 8), errNotSMB},
		"short":                   {nil, append([]byte{0, 0, 0, 63}, message(8, 0, 0)[4:]...), errHostile},
		"giant":                   {nil, append([]byte{0, 0xff, 0xff, 0xff}, message(8, 0, 0)[4:]...), errHostile},
		"header size":             {nil, set(message(8, 0, 100), 4, 63), errHostile},
		"compound":                {nil, set(message(8, 0, 100), 20, 8), errHostile},
		"signed, no key":          {nil, message(8, flagSigned, 100), errHostile},
		"signed login, unasked":   {nil, message(cmdSessionSetup, flagSigned, 100), errHostile},
		"signed interim login":    {[][]byte{login}, set(message(cmdSessionSetup, flagSigned, 9), 8, 3, 1, 0, 0), errHostile},
		"encrypted, no key":       {[][]byte{sign}, sealed(200), errHostile},
		"encrypted, short":        {[][]byte{seal}, sealed(sealedMin - 1), errHostile},
		"plain, client encrypts":  {[][]byte{seal}, message(8, 0, 100), errHostile},
		"signed, client encrypts": {[][]byte{sign, seal}, message(8, flagSigned, 100), errHostile},
		"cut":                     {nil, message(8, 0, 0)[:40], io.ErrUnexpectedEOF},
		"nothing":                 {nil, nil, io.EOF},
	}
}

func TestFrameFilter(t *testing.T) {
	t.Parallel()
	for name, c := range filterCases() {
		t.Run(name, func(t *testing.T) {
			conn := &recorded{in: bytes.NewReader(c.in)}
			g := newFrameFilter(conn)
			for _, b := range c.sent {
				_, err := g.Write(b)
				require.NoError(t, err)
			}
			got, err := io.ReadAll(g)
			if c.want == nil {
				require.NoError(t, err)
				require.Equal(t, c.in, got)
				return
			}
			if c.want != io.EOF {
				require.ErrorIs(t, err, c.want)
			}
			require.Empty(t, got)
			require.True(t, conn.closed)
			require.True(t, g.ended.Load())
		})
	}
}

// FuzzFrameFilter checks that only complete messages pass that the library's receiver can
// process, and that their bytes are not changed.
func FuzzFrameFilter(f *testing.F) {
	f.Add(message(8, 0, 100), uint8(0), uint8(7))
	f.Add(append(message(cmdSessionSetup, flagSigned, 3), message(8, 0, 1000)...), uint8(1), uint8(64))
	f.Add(append(sealed(300), sealed(116)...), uint8(2), uint8(255))
	f.Add([]byte{0, 0, 0, 0}, uint8(4), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, sent, step uint8) {
		g := newFrameFilter(&recorded{in: bytes.NewReader(in)})
		for bit, b := range [][]byte{message(cmdSessionSetup, 0, 0), sealed(200), message(8, flagSigned, 0), message(cmdTreeConnect, 0, 0)} {
			if sent&(1<<bit) != 0 {
				_, _ = g.Write(b[4:])
			}
		}
		var out []byte
		for b := make([]byte, int(step)+1); ; {
			n, err := g.Read(b)
			out = append(out, b[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(in, out) {
			t.Fatalf("other bytes than came: %x of %x", out, in)
		}
		checkMessages(t, out, sent&2 != 0)
	})
}

// checkMessages fails on a message that the library's receiver cannot process.
func checkMessages(t *testing.T, out []byte, seals bool) {
	t.Helper()
	for len(out) > 0 {
		if len(out) < headSize {
			t.Fatalf("a message of %d bytes", len(out))
		}
		size, h := int(binary.BigEndian.Uint32(out)), out[4:]
		switch {
		case size < headerSize || size > frameMax:
			t.Fatalf("length %d", size)
		case h[0] == 0xFD && (!seals || size < sealedMin):
			t.Fatal("encrypted")
		case h[0] == 0xFE && (seals || binary.LittleEndian.Uint32(h[20:]) != 0):
			t.Fatal("plain")
		case h[0] != 0xFE && h[0] != 0xFD:
			t.Fatal("no SMB2")
		}
		out = out[min(len(out), lengthSize+size):]
	}
}

// FuzzLogin checks that no answer to a login ends the process or blocks a goroutine.
func FuzzLogin(f *testing.F) {
	f.Add(message(0, 0, 65))
	f.Add(append(message(0, 1, 200), message(cmdSessionSetup, 1, 100)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			_, _ = server.Write(in)
		}()
		s := &connection{conn: newFrameFilter(named{client}), timeout: time.Second, log: slog.New(slog.DiscardHandler)}
		s.life, s.end = context.WithCancelCause(context.Background())
		err := s.open(context.Background(), Config{Host: "h", User: "u", Password: "p", Share: "s"})
		s.kill(errClosed)
		if err == nil {
			t.Fatal("logged in to nothing")
		}
	})
}

// named is a connection with a remote address.
type named struct{ net.Conn }

func (named) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 445} }
