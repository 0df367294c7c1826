package embedded_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafka-master/infra/embedded"
)

// frame returns the bytes after their length.
func frame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// request returns a valid frame.
func request(r kmsg.Request, version int16) []byte {
	r.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("guard")).AppendRequest(nil, r, 7)
}

// throw sends bytes on a new connection and waits until the broker has answered or closed
// it.
func throw(t *testing.T, addr string, b []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	if _, err := conn.Write(b); err != nil {
		return // the broker has closed the connection, as expected
	}
	_ = conn.(*net.TCPConn).CloseWrite() // fails if the broker was faster
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, _ = io.Copy(io.Discard, conn)
}

func TestRefusedFrames(t *testing.T) {
	addr := start(t, embedded.Config{}).Addrs()[0]
	for name, b := range map[string][]byte{
		"unknown key":   frame([]byte{0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff}),
		"negative key":  frame([]byte{0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff}),
		"key above all": frame([]byte{0, 95, 0, 0, 0, 0, 0, 1, 0xff, 0xff}),
		"key of a gap":  frame([]byte{0, 93, 0, 0, 0, 0, 0, 1, 0xff, 0xff}),
		"too short":     frame([]byte{0, 3, 0, 1}),
		"too long":      {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 1},
		"just too long": {0x01, 0, 0, 1, 0, 3, 0, 1},
		"http":          []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"cut":           request(kmsg.NewPtrMetadataRequest(), 1)[:9],
		"huge version":  frame([]byte{0, 3, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff}),
		"empty":         {},
		"tag bomb":      frame([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 1, 'x', 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 0}),
		"tags cut":      frame([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff}),
		"no tags":       frame([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff}),
		"long client":   frame([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0x7f, 0xff, 0}),
	} {
		t.Run(name, func(t *testing.T) { throw(t, addr, b) })
	}
	alive(t, addr)
}

// Random frames, and valid ones with some bytes changed, do not end the process. The
// seeds are fixed, so that a failure can be repeated.
func TestBrokenFrames(t *testing.T) {
	addr := start(t, embedded.Config{}).Addrs()[0]
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := make([]byte, 10+rng.IntN(200))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		key, version := int16(rng.IntN(kmsg.MaxKey+3)), int16(rng.IntN(14))
		binary.BigEndian.PutUint16(b, uint16(key))
		binary.BigEndian.PutUint16(b[2:], uint16(version))
		throw(t, addr, frame(b))
	}
	whole := [][]byte{
		request(kmsg.NewPtrMetadataRequest(), 8), request(kmsg.NewPtrApiVersionsRequest(), 2),
		request(kmsg.NewPtrJoinGroupRequest(), 5), request(kmsg.NewPtrFetchRequest(), 11),
		request(kmsg.NewPtrProduceRequest(), 8), request(kmsg.NewPtrCreateTopicsRequest(), 4),
	}
	for range 600 {
		b := append([]byte(nil), whole[rng.IntN(len(whole))]...)
		for range 1 + rng.IntN(3) {
			if at := rng.IntN(len(b)); at < 4 || at > 7 { // not key and version
				b[at] = byte(rng.Uint32())
			}
		}
		throw(t, addr, b)
	}
	alive(t, addr)
}

// alive checks that the broker still answers a client.
func alive(t *testing.T, addr string) {
	t.Helper()
	require.NoError(t, client(t, []string{addr}).Ping(t.Context()))
}

// Large frames use the memory of earlier ones; each record is stored as it was sent.
func TestLargeFramesKeepTheirContent(t *testing.T) {
	addrs := start(t, embedded.Config{}).Addrs()
	const clients, each, size = 4, 9, 400_000 // less than a partition keeps
	create(t, client(t, addrs), "t", clients)
	var sending sync.WaitGroup
	for n := range int32(clients) {
		c := client(t, addrs)
		sending.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range each {
				value := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, 1+rng.IntN(size))
				assert.NoError(t, c.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: n, Value: value}).FirstErr())
			}
		})
	}
	sending.Wait()
	for _, v := range consume(t, addrs, "t", clients*each) {
		require.Empty(t, strings.Trim(v, v[:1]), "all bytes of a record are the same")
	}
}
