package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hirochachacha/go-smb2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	path := func(err error) error { return &fs.PathError{Op: "read", Path: "p", Err: err} }
	for _, c := range []struct {
		err  error
		is   []error
		away bool
	}{
		{path(&smb2.TransportError{Err: io.EOF}), nil, true},
		{path(&smb2.TransportError{Err: io.ErrUnexpectedEOF}), nil, true},
		{path(&smb2.TransportError{Err: errSMB1}), []error{errSMB1}, true},
		{&smb2.ContextError{Err: context.Canceled}, nil, true},
		{path(&smb2.InvalidResponseError{Message: "signing required"}), []error{errUnsigned}, false},
		{path(&smb2.InvalidResponseError{Message: "broken read response format"}), []error{errHostile}, true},
		{path(&smb2.ResponseError{Code: 0xc0000203}), nil, true},
		{path(&smb2.ResponseError{Code: 0xc00000c9}), nil, true},
		{path(&smb2.ResponseError{Code: 0xc000035c}), nil, true},
		{path(&smb2.ResponseError{Code: 0xc0000128}), nil, true},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: &smb2.ResponseError{Code: 0xc0000043}}, []error{statusSharingViolation}, false},
		{path(os.ErrNotExist), []error{fs.ErrNotExist}, false},
		{path(os.ErrPermission), []error{fs.ErrPermission}, false},
		{path(os.ErrExist), []error{fs.ErrExist}, false},
		{path(&smb2.InternalError{Message: "x"}), nil, false},
		{path(errors.New("x")), nil, false},
	} {
		got := translate(c.err)
		require.Equal(t, c.away, errors.Is(got, errAway), "%v", got)
		require.NotErrorIs(t, got, io.EOF, "the end of a connection is not the end of a file")
		for _, is := range c.is {
			require.ErrorIs(t, got, is)
		}
	}
	require.NoError(t, translate(nil))
	require.Equal(t, io.EOF, translate(io.EOF))
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"a.txt", "a b/c.txt", "grüße.txt", "🙂.txt", "-rf.txt", "a%20'&#.txt", "e\u0301.txt", "x..y.txt", "ABCD~1.TXT"} {
		require.True(t, usable(p), p)
	}
	for _, p := range []string{
		"", ".", "..", "/a", "a/", "../a.txt", "a/../b", "a//b", `..\a.txt`, `a\b.txt`, "a.txt:stream", "a*.txt", "a?.txt",
		`a".txt`, "a<.txt", "a>.txt", "a|.txt", "a\x00.txt", "a\n.txt", "a\ufffd.txt", "a\xff.txt", "./a.txt",
	} {
		require.False(t, usable(p), p)
	}
	require.False(t, usable(strings.Repeat("../", 100)+"etc/passwd"))
}

// TestBackOff checks the pauses: 1 s to 60 s after refused settings, 20 ms to 1 s after other
// failures.
func TestBackOff(t *testing.T) {
	t.Parallel()
	l := newConnector(Config{})
	var waits []time.Duration
	refuse := func(err error, n int) {
		for range n {
			_, got := l.store(nil, err)
			require.ErrorIs(t, got, err)
			_, again := l.usable()
			require.Equal(t, got, again, "answered without an attempt")
			waits = append(waits, l.wait)
			l.until = time.Time{}
		}
	}
	refuse(errAway, 8)
	refuse(fmt.Errorf("%w: wrong password", messages.ErrConfig), 7)
	refuse(errAway, 1)
	const s, ms = time.Second, time.Millisecond
	require.Equal(t, []time.Duration{
		20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, s, s,
		2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s, s,
	}, waits)
}
