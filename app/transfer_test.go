package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// origin serves a content, and cuts connections.
type origin struct {
	content []byte
	tag     string
	cutAt   int // bytes after which each connection is cut, 0 for never
	asked   atomic.Int64
	ranges  []string
	before  func(n int64, w http.ResponseWriter) bool // called first, ends the call with true
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := o.asked.Add(1)
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	if o.before != nil && o.before(n, w) {
		return
	}
	w.Header().Set("ETag", o.tag)
	if o.cutAt > 0 {
		w = &cutter{w, o.cutAt}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.content))
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// newTransfer returns a transfer of a random content, its origin and its hash.
func newTransfer(t *testing.T) (*origin, func() *transfer, string) {
	content := make([]byte, 1_000_000)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	hash := fmt.Sprintf("%016x", xxhash.Sum64(content))
	o := &origin{content: content, tag: `"` + hash + `"`}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return o, func() *transfer {
		x := (&apiClient{base: server.URL}).transfer("/x", hash, func(int64) {})
		x.pause = time.Millisecond
		return x
	}, hash
}

func TestTransferGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	o, start, _ := newTransfer(t)
	o.cutAt = 300_000
	o.before = func(n int64, w http.ResponseWriter) bool {
		if n == 3 {
			w.WriteHeader(http.StatusServiceUnavailable) // a change of the leader
		}
		return n == 3
	}
	var got bytes.Buffer
	require.NoError(t, start().copyTo(t.Context(), &got))
	require.True(t, bytes.Equal(o.content, got.Bytes()))
	require.Equal(t, []string{"", "bytes=300000-", "bytes=600000-", "bytes=600000-", "bytes=900000-"}, o.ranges)
}

// A call that is stopped leaves what it has, and the next one goes on from there, even if
// nothing is missing.
func TestTransferGoesOnInALaterCall(t *testing.T) {
	t.Parallel()
	o, start, hash := newTransfer(t)
	path := filepath.Join(t.TempDir(), "a.jsonl")
	part := path + "." + hash + partEnd
	ctx, stop := context.WithCancel(t.Context())
	o.cutAt = 500_000
	x := start()
	x.progress = func(n int64) {
		if n > 400_000 {
			stop()
		}
	}
	require.ErrorIs(t, x.save(ctx, path), context.Canceled)
	require.NoFileExists(t, path)
	left, err := os.ReadFile(part)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(o.content, left))
	require.NotEmpty(t, left)
	o.cutAt = 0
	require.NoError(t, start().save(t.Context(), path))
	require.Equal(t, fmt.Sprintf("bytes=%d-", len(left)), o.ranges[len(o.ranges)-1])
	require.NoFileExists(t, part)
	requireContent(t, path, o.content)

	require.NoError(t, os.WriteFile(part, o.content, 0o644))
	require.NoError(t, start().save(t.Context(), path))
	requireContent(t, path, o.content)
}

func requireContent(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

// Whatever is wrong, no file gets its name that is not what the master named, and nothing
// wrong is left to go on with.
func TestTransferThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change func(*origin)
		part   string // what an earlier call left
		want   error
	}{
		"another content":                 {func(o *origin) { o.content[7]++ }, "", errWrongHash},
		"what was left is something else": {func(*origin) {}, "something", errWrongHash},
		"more was left than there is":     {func(o *origin) { o.content = o.content[:3] }, "something", errReplaced},
		"it was replaced":                 {func(o *origin) { o.tag = `"another"` }, "", errReplaced},
		"it was replaced meanwhile": {func(o *origin) {
			o.cutAt = 300_000
			o.before = func(n int64, _ http.ResponseWriter) bool {
				o.tag = fmt.Sprintf(`"%s%d"`, strings.Trim(o.tag, `"`)[:15], n)
				return false
			}
		}, "", errReplaced},
		"all calls are refused":  {func(o *origin) { o.before = refuseAll(http.StatusNotFound) }, "", nil},
		"no master answers":      {func(o *origin) { o.before = refuseAll(http.StatusServiceUnavailable) }, "", errUnreachable},
		"it is no download":      {func(o *origin) { o.before = refuseAll(http.StatusOK) }, "", nil},
		"another part is sent":   {func(o *origin) { o.before = refuseAll(http.StatusPartialContent) }, "", nil},
		"it is somewhere else":   {func(o *origin) { o.before = refuseAll(http.StatusFound) }, "", nil},
		"the token is not right": {func(o *origin) { o.before = refuseAll(http.StatusUnauthorized) }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, start, hash := newTransfer(t)
			x.change(o)
			path := filepath.Join(t.TempDir(), "a.jsonl")
			if x.part != "" {
				require.NoError(t, os.WriteFile(path+"."+hash+partEnd, []byte(x.part), 0o644))
			}
			err := start().save(t.Context(), path)
			require.Error(t, err)
			if x.want != nil {
				require.ErrorIs(t, err, x.want)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func refuseAll(status int) func(int64, http.ResponseWriter) bool {
	return func(_ int64, w http.ResponseWriter) bool {
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(status)
		return true
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What cannot be written is not asked for again.
func TestTransferToAFullDisk(t *testing.T) {
	t.Parallel()
	o, start, _ := newTransfer(t)
	err := start().copyTo(t.Context(), fullDisk{})
	require.ErrorContains(t, err, "no space left on device")
	require.NotErrorIs(t, err, errUnreachable)
	require.EqualValues(t, 1, o.asked.Load())
}

// A content whose hash was not named before has it as its ETag.
func TestTransferOfAJobLog(t *testing.T) {
	t.Parallel()
	o, start, hash := newTransfer(t)
	x := start()
	x.hash = ""
	path := filepath.Join(t.TempDir(), "log.tsv")
	require.NoError(t, os.WriteFile(path+partEnd, []byte("what another call left"), 0o644))
	require.NoError(t, x.save(t.Context(), path))
	requireContent(t, path, o.content)
	o.tag = `"` + hash[:15] + `x"`
	x = start()
	x.hash = ""
	require.ErrorIs(t, x.copyTo(t.Context(), &bytes.Buffer{}), errWrongHash)
}

// A file of somebody else that has the name of a download that is not complete stays.
func TestTransferOfAJobLogTakesNoFile(t *testing.T) {
	t.Parallel()
	_, start, _ := newTransfer(t)
	path := filepath.Join(t.TempDir(), "log.tsv")
	require.NoError(t, os.WriteFile(path+partEnd, []byte("mine"), 0o600))
	x := start()
	x.hash = ""
	require.NoError(t, x.save(t.Context(), path))
	mine, err := os.ReadFile(path + partEnd)
	require.NoError(t, err)
	require.Equal(t, "mine", string(mine))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, names, 2)
}
