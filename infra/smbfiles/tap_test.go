//go:build linux

package smbfiles_test

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/smbfiles"
)

// tap is a TCP proxy in front of a server. It counts connections, and those requests that are
// not encrypted.
type tap struct {
	listener net.Listener
	to       string
	change   func(n int, frame []byte) []byte // returns a replacement for the n-th message of the server; may be nil
	slow     time.Duration                    // delay for each 64 KiB of the server
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns int
	asked map[uint16]int // number of requests by command
	reads []int          // lengths of the reads
}

// Commands of SMB2.
const (
	cmdCreate    = 5
	cmdRead      = 8
	cmdDirectory = 14
)

func startTap(t testing.TB, to string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &tap{listener: l, to: to, asked: map[uint16]int{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.wg.Wait()
	})
	return p
}

// through returns the settings of a client that connects through the tap.
func (p *tap) through(cfg smbfiles.Config) smbfiles.Config {
	cfg.Port = p.listener.Addr().(*net.TCPAddr).Port
	return cfg
}

func (p *tap) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns++
		p.mu.Unlock()
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.wg.Go(func() {
			p.watch(client, server)
			server.Close()
		})
		p.wg.Go(func() {
			p.pass(server, client)
			client.Close()
		})
	}
}

// watch copies the messages of the client.
func (p *tap) watch(client, server net.Conn) {
	for {
		var length [4]byte
		if _, err := io.ReadFull(client, length[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(client, message); err != nil {
			return
		}
		if message[0] == 0xFE {
			p.count(message)
		}
		if _, err := server.Write(append(length[:], message...)); err != nil {
			return
		}
	}
}

func (p *tap) count(message []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	command := binary.LittleEndian.Uint16(message[12:])
	p.asked[command]++
	if command == cmdRead {
		p.reads = append(p.reads, int(binary.LittleEndian.Uint32(message[68:])))
	}
}

// pass copies the messages of the server.
func (p *tap) pass(server, client net.Conn) {
	for n := 0; ; n++ {
		frame := make([]byte, 4)
		if _, err := io.ReadFull(server, frame); err != nil {
			return
		}
		frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
		if _, err := io.ReadFull(server, frame[4:]); err != nil {
			return
		}
		if p.change != nil {
			frame = p.change(n, frame)
		}
		for len(frame) > 0 {
			part := frame[:min(len(frame), 64<<10)]
			time.Sleep(p.slow)
			if _, err := client.Write(part); err != nil {
				return
			}
			frame = frame[len(part):]
		}
	}
}

func (p *tap) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

func (p *tap) requests(command uint16) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[command]
}

// lengths returns the lengths of the reads in bytes, sorted.
func (p *tap) lengths() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.reads))
}
