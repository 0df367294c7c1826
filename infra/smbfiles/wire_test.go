//go:build linux

package smbfiles_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
)

// TestReadsAreLarge checks the size of reads, since small reads are ten times slower.
func TestReadsAreLarge(t *testing.T) {
	s := startSamba(t)
	p := startTap(t, s.Address())
	files := newFiles(t, p.through(s.plain(t, "in")))
	data := random(10<<20 + 5)
	f := put(t, s, files, "in", "a.txt", data)
	before := p.requests(cmdCreate)
	got, err := stream(files, f, func(int) {})
	require.NoError(t, err)
	requireSame(t, data, got)
	reads := p.lengths()
	require.Len(t, reads, 11)
	require.Equal(t, 5, reads[0])
	require.Equal(t, 1<<20, reads[1])
	require.Equal(t, 2, p.requests(cmdCreate)-before, "one request to open the file, one to check it")
	require.Equal(t, 1, p.connections())
}

// TestListAsksForNoFile checks that List sends no request for each file, which would take
// minutes.
func TestListAsksForNoFile(t *testing.T) {
	s := startSamba(t)
	p := startTap(t, s.Address())
	files := newFiles(t, p.through(s.plain(t, "in")))
	folder := s.folder("in")
	for i := range 3000 {
		folder.Write(t, fmt.Sprintf("%04d.txt", i), nil, time.Now())
	}
	require.NoError(t, files.Ping(context.Background()))
	creates, start := p.requests(cmdCreate), time.Now()
	list, err := files.List(context.Background())
	require.NoError(t, err)
	require.Len(t, list, 3000)
	t.Logf("3000 files in %s", time.Since(start))
	require.Equal(t, 1, p.requests(cmdCreate)-creates)
	require.Less(t, p.requests(cmdDirectory), 10)
}

// TestCreditsRightAfterOpening checks the balance of credits. With the library's default,
// servers sometimes close such a session.
func TestCreditsRightAfterOpening(t *testing.T) {
	s := startSamba(t)
	data := random(12 << 20)
	for _, share := range []string{"encrypted", "input"} {
		p := startTap(t, s.Address())
		for range 8 {
			cfg := p.through(s.config(t, "in"))
			cfg.Share, cfg.ReadAhead = share, 8
			f := put(t, s, newFiles(t, s.config(t, "in")), "in", "a.txt", data)
			files := newFiles(t, cfg)
			got, err := stream(files, f, func(int) {})
			require.NoError(t, err)
			requireSame(t, data, got)
			require.NoError(t, files.Close())
		}
		require.Equal(t, 8, p.connections(), "the server closed no session")
	}
}

// TestManyStreamsAtOnce reads several streams over one connection with its credits.
func TestManyStreamsAtOnce(t *testing.T) {
	s := startSamba(t)
	p := startTap(t, s.Address())
	cfg := p.through(s.config(t, "in"))
	cfg.ReadAhead = 8
	files := newFiles(t, cfg)
	data := random(6 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	results := make(chan error)
	for range 16 {
		go func() {
			got, err := stream(files, f, func(int) {})
			if err == nil && string(got) != string(data) {
				err = io.ErrShortBuffer
			}
			results <- err
		}()
	}
	for range 16 {
		require.NoError(t, <-results)
	}
	require.Equal(t, 1, p.connections())
}

// TestColdFileOfSigningServer reads a file that is not in the server's cache. The server
// answers with an interim reply, which is not signed, and which the library refuses.
func TestColdFileOfSigningServer(t *testing.T) {
	s := startSamba(t, "server signing = mandatory")
	p := startTap(t, s.Address())
	cfg := p.through(s.plain(t, "in"))
	cfg.ReadAhead = 8
	files := newFiles(t, cfg)
	data := random(32 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	path := filepath.Join(s.Data, "in", "a.txt")
	for range 2 {
		require.NoError(t, exec.Command("sync", path).Run())
		require.NoError(t, exec.Command("dd", "if="+path, "iflag=nocache", "count=0").Run())
		got, err := stream(files, f, func(int) {})
		require.NoError(t, err)
		requireSame(t, data, got)
	}
	t.Logf("%d reads for %d MiB twice", len(p.lengths()), len(data)>>20)
	require.Equal(t, 1, p.connections())
}

// TestMalformedMessages sends a malformed message, which must end only the connection. Some of
// these messages would end a process that uses the library without the filter.
func TestMalformedMessages(t *testing.T) {
	slow(t)
	s := startSamba(t)
	for name, bad := range map[string]func(frame []byte) []byte{
		"four zeros":       func([]byte) []byte { return make([]byte, 4) },
		"short":            func(frame []byte) []byte { return append([]byte{0, 0, 0, 10}, frame[4:14]...) },
		"no magic":         func(frame []byte) []byte { frame[4] = 0; return frame },
		"next command":     func(frame []byte) []byte { frame[24] = 200; return frame },
		"header alone":     func(frame []byte) []byte { return append([]byte{0, 0, 0, 64}, frame[4:68]...) },
		"encrypted":        func(frame []byte) []byte { frame[4] ^= 0xFE ^ 0xFD; return frame },
		"giant":            func(frame []byte) []byte { return append([]byte{0, 255, 255, 255}, frame[4:]...) },
		"noise":            func(frame []byte) []byte { return append(random(500), frame...) },
		"other message id": func(frame []byte) []byte { frame[28] ^= 0x55; return frame },
		"wrong signature":  func(frame []byte) []byte { frame[52] ^= 1; return frame },
	} {
		for _, share := range []string{"input", "encrypted"} {
			t.Run(name+" "+share, func(t *testing.T) {
				p := startTap(t, s.Address())
				p.change = func(n int, frame []byte) []byte {
					if n == 12 && p.connections() == 1 {
						return bad(frame)
					}
					return frame
				}
				cfg := p.through(s.config(t, "in"))
				cfg.Share, cfg.IOTimeout = share, 500*time.Millisecond
				files := newFiles(t, cfg)
				data := random(9 << 20)
				f := put(t, s, newFiles(t, s.config(t, "in")), "in", "a.txt", data)
				got, err := stream(files, f, func(int) {})
				require.NoError(t, err)
				requireSame(t, data, got)
			})
		}
	}
}

// TestFlippedBits changes a bit of an answer. The bytes that the stream feeds are never wrong,
// and the next connection continues the stream.
func TestFlippedBits(t *testing.T) {
	slow(t)
	s := startSamba(t)
	dice := rand.New(rand.NewPCG(1, 2))
	data := random(3 << 20)
	f := put(t, s, newFiles(t, s.config(t, "in")), "in", "a.txt", data)
	failed, sessions := 0, 0
	const rounds = 60
	for i := range rounds {
		p := startTap(t, s.Address())
		at, where := dice.IntN(16), dice.IntN(1<<20)
		p.change = func(n int, frame []byte) []byte {
			if n == at && p.connections() == 1 {
				header := min(len(frame), 200) // most bits that matter are there
				frame[where%header] ^= 1 << (where % 8)
			}
			return frame
		}
		cfg := p.through(s.config(t, "in"))
		cfg.Share = []string{"input", "encrypted"}[i%2]
		cfg.IOTimeout = 100 * time.Millisecond
		cfg.Logger = slog.New(slog.DiscardHandler)
		files := newFiles(t, cfg)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		var got []byte
		err := files.Stream(ctx, f, 0, f.Size, func(b []byte) error {
			got = append(got, b...)
			return nil
		})
		cancel()
		require.NoError(t, files.Close())
		requireSame(t, data[:len(got)], got)
		if sessions += p.connections(); err != nil {
			failed++
			t.Log(err)
		}
	}
	t.Logf("%d of %d streams failed, %d sessions", failed, rounds, sessions)
	require.Less(t, failed, rounds/3)
}

// TestGarbage uses servers that send garbage.
func TestGarbage(t *testing.T) {
	frame := func(size int, body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(size)), body...)
	}
	header := "\xfeSMB\x40\x00" + string(make([]byte, 58))
	for name, garbage := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, 1<<16), "noise": random(1 << 16),
		"short": frame(4, "\xfeSMB"), "header": frame(64, header), "cut": frame(200, header),
		"negotiate of zeros": frame(64+65, header+string(make([]byte, 65))),
		"loop":               frame(64+8, header+"\x41\x00\x00\x00\xff\xff\xff\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := fakeServer(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1<<10))
				_, _ = c.Write(garbage)
			})
			cfg.Logger = slog.New(slog.DiscardHandler)
			files := newFiles(t, cfg)
			for range 3 {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				require.Error(t, files.Ping(ctx))
				cancel()
			}
		})
	}
}

// TestSilentServer uses a server that accepts connections and sends nothing.
func TestSilentServer(t *testing.T) {
	cfg := fakeServer(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	cfg.IOTimeout = 200 * time.Millisecond
	start := time.Now()
	err := newFiles(t, cfg).Ping(context.Background())
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.ErrorContains(t, err, "200ms")
	require.NotErrorIs(t, err, messages.ErrConfig)
	require.NotContains(t, err.Error(), "SMB1")
	require.Less(t, time.Since(start), 3*time.Second)
}

// TestSlowServer checks that a slow server does not count as silent.
func TestSlowServer(t *testing.T) {
	slow(t)
	s := startSamba(t)
	data := random(4 << 20)
	f := put(t, s, newFiles(t, s.config(t, "in")), "in", "a.txt", data)
	p := startTap(t, s.Address())
	p.slow = 25 * time.Millisecond
	cfg := p.through(s.config(t, "in"))
	cfg.IOTimeout = 300 * time.Millisecond
	got, err := stream(newFiles(t, cfg), f, func(int) {})
	require.NoError(t, err)
	requireSame(t, data, got)
	require.Equal(t, 1, p.connections())
}

func readyOf(t *testing.T, files *smbfiles.Files, f messages.FileInfo) bool {
	t.Helper()
	ready, err := files.Ready(context.Background(), f)
	require.NoError(t, err)
	return ready
}
