//go:build linux

package smbfiles_test

import (
	"log/slog"
	"slices"
	"time"

	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/hirochachacha/go-smb2"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"

	"kafka-master/messages"
)

const benchSize = 128 << 20 // bytes of lines with an IPv4 address each

func benchFile(b *testing.B, s *samba) messages.FileInfo {
	var text bytes.Buffer
	for i := 0; text.Len() < benchSize; i++ {
		fmt.Fprintf(&text, "%d.%d.%d.%d\n", 1+i%223, i>>3&255, i>>7&255, i>>11&255)
	}
	text.Truncate(benchSize)
	return put(b, s, newFiles(b, s.config(b, "in")), "in", "a.txt", text.Bytes())
}

// BenchmarkStream is the package beside the client library alone, with n reads of
// 1 MiB in flight each, in turns on one server: on a busy machine only the
// medians of such pairs can be compared.
func BenchmarkStream(b *testing.B) {
	s := startSamba(b)
	f := benchFile(b, s)
	for _, share := range []string{"encrypted", "input"} {
		for _, ahead := range []int{1, 4, 8} {
			b.Run(fmt.Sprintf("%s/ahead=%d", share, ahead), func(b *testing.B) {
				cfg := s.config(b, "in")
				cfg.Share, cfg.ReadAhead, cfg.Logger = share, ahead, slog.New(slog.DiscardHandler)
				files, library := newFiles(b, cfg), openLibrary(b, s, share)
				var ours, theirs []time.Duration
				for b.Loop() {
					ours = append(ours, took(func() {
						require.NoError(b, files.Stream(context.Background(), f, 0, f.Size, func([]byte) error { return nil }))
					}))
					theirs = append(theirs, took(func() { readLibrary(b, library, ahead) }))
				}
				report(b, ours, "MB/s")
				report(b, theirs, "library-MB/s")
				b.ReportMetric(float64(median(theirs))/float64(median(ours)), "ratio")
			})
		}
	}
}

func took(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// report gives the median speed of reading the file.
func report(b *testing.B, all []time.Duration, unit string) {
	b.ReportMetric(benchSize/1e6/median(all).Seconds(), unit)
}

// BenchmarkScanner is a line reader straight on the library's file: what not to do.
func BenchmarkScanner(b *testing.B) {
	s := startSamba(b)
	benchFile(b, s)
	for _, share := range []string{"encrypted", "input"} {
		b.Run(share, func(b *testing.B) {
			file := openLibrary(b, s, share)
			b.SetBytes(benchSize)
			for b.Loop() {
				_, err := file.Seek(0, 0)
				require.NoError(b, err)
				lines := bufio.NewScanner(file)
				for lines.Scan() {
				}
				require.NoError(b, lines.Err())
			}
		})
	}
}

func openLibrary(b *testing.B, s *samba, share string) *smb2.File {
	conn, err := net.Dial("tcp", s.Address())
	require.NoError(b, err)
	d := &smb2.Dialer{MaxCreditBalance: 1024, Initiator: &smb2.NTLMInitiator{User: infratest.SambaUser, Password: infratest.SambaPassword}}
	session, err := d.Dial(conn)
	require.NoError(b, err)
	mounted, err := session.Mount(share)
	require.NoError(b, err)
	file, err := mounted.Open("in/a.txt")
	require.NoError(b, err)
	b.Cleanup(func() {
		file.Close()
		conn.Close()
	})
	return file
}

// readLibrary reads the whole file with n goroutines that take turns.
func readLibrary(b *testing.B, file *smb2.File, n int) {
	const block = 1 << 20
	errs := make(chan error, n)
	for i := range n {
		go func() {
			buf := make([]byte, block)
			for off := int64(i) * block; off < benchSize; off += int64(n) * block {
				if _, err := file.ReadAt(buf, off); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range n {
		require.NoError(b, <-errs)
	}
}

// BenchmarkList is a listing of 10,000 files.
func BenchmarkList(b *testing.B) {
	s := startSamba(b)
	files := newFiles(b, s.config(b, "in"))
	for i := range 10_000 {
		f := fmt.Sprintf("%05d.txt", i)
		s.touch(b, "in", f)
	}
	b.ReportAllocs()
	for b.Loop() {
		list, err := files.List(context.Background())
		require.NoError(b, err)
		require.Len(b, list, 10_000)
	}
}

// BenchmarkStreamOneChunk reads a chunk again, as for another attempt.
func BenchmarkStreamOneChunk(b *testing.B) {
	s := startSamba(b)
	f := benchFile(b, s)
	files := newFiles(b, s.config(b, "in"))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, files.Stream(context.Background(), f, 4096, 8000, func([]byte) error { return nil }))
	}
}
