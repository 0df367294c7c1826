package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// fakeResults has everything of every file, but lists of what failed only if something did.
type fakeResults struct {
	content string
	failed  bool
	open    atomic.Int64
}

func (r *fakeResults) List(f messages.File) (out []Download) {
	for _, k := range downloadKinds {
		d, _, err := r.Open(f, k.name)
		if err != nil {
			d.Kind, d.Bytes, d.Lines, d.Missing = k.name, -1, -1, err.(*NotThere)
		}
		out = append(out, d)
	}
	r.open.Store(0)
	return out
}

func (r *fakeResults) Open(f messages.File, kind string) (Download, io.ReadSeekCloser, error) {
	if !r.failed && strings.HasPrefix(kind, DownloadFailed) {
		return Download{}, nil, &NotThere{http.StatusNotFound, "No item failed."}
	}
	d := Download{Kind: kind, Name: f.Info.Path + "-" + kind + ".jsonl", Bytes: int64(len(r.content)), Lines: -1, Hash: fmt.Sprintf("%016x", len(r.content)), Modified: time.Unix(1e9, 0)}
	r.open.Add(1)
	return d, &fakeContent{strings.NewReader(r.content), r}, nil
}

type fakeContent struct {
	*strings.Reader
	of *fakeResults
}

func (c *fakeContent) Close() error { c.of.open.Add(-1); return nil }

func listOf(t *testing.T, body string) (out downloadsBody) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	require.Len(t, out.Downloads, len(downloadKinds))
	return out
}

func TestListOfDownloads(t *testing.T) {
	t.Parallel()
	r := &fakeResults{content: "a\nb\n"}
	got := start(t, Config{Asker: newFake(), Results: r})(http.MethodGet, "/api/v1/files/1/downloads")
	require.Equal(t, http.StatusOK, got.status, got.body)
	list := listOf(t, got.body)
	require.Nil(t, list.ExpiresAt)
	four := int64(4)
	merged := time.Unix(1e9, 0).UTC()
	require.Equal(t, downloadBody{Kind: "results", Name: "-results.jsonl", Href: "results", Bytes: &four, Hash: "0000000000000004", MergedAt: &merged}, list.Downloads[0])
	require.Equal(t, downloadBody{Kind: "failed", Missing: "No item failed."}, list.Downloads[1])

	got = start(t, Config{Asker: newFake()})(http.MethodGet, "/api/v1/files/1/downloads")
	for _, d := range listOf(t, got.body).Downloads {
		require.Empty(t, d.Href)
		require.NotEmpty(t, d.Missing)
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	r := &fakeResults{content: strings.Repeat("0123456789", 10_000)}
	call := start(t, Config{Asker: newFake(), Results: r})
	got := call(http.MethodGet, "/api/v1/files/1/results")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, r.content, got.body)
	for name, want := range map[string]string{
		"Content-Type": "application/x-ndjson", "Content-Length": "100000", "Accept-Ranges": "bytes", "ETag": `"00000000000186a0"`, "Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT",
		"Content-Disposition": `attachment; filename="-results.jsonl"; filename*=UTF-8''-results.jsonl`, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Content-Encoding": "",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.Equal(t, "text/tab-separated-values; charset=utf-8", call(http.MethodGet, "/api/v1/files/1/joblog").kind)
	require.Equal(t, "application/json", call(http.MethodHead, "/api/v1/files/1/summary").kind)

	head := call(http.MethodHead, "/api/v1/files/1/results")
	require.Equal(t, "100000", head.header.Get("Content-Length"))
	require.Empty(t, head.body)
	for _, tag := range []string{`"00000000000186a0"`, `"another"`} {
		got = call(http.MethodGet, "/api/v1/files/1/results", "Range", "bytes=99995-", "If-Range", tag)
		if tag == `"another"` {
			require.Equal(t, http.StatusOK, got.status)
			continue
		}
		require.Equal(t, http.StatusPartialContent, got.status)
		require.Equal(t, "56789", got.body)
		require.Equal(t, "bytes 99995-99999/100000", got.header.Get("Content-Range"))
	}
	require.Equal(t, http.StatusNotModified, call(http.MethodGet, "/api/v1/files/1/results", "If-None-Match", `"00000000000186a0"`).status)
	got = call(http.MethodGet, "/api/v1/files/1/results", "Range", "bytes=100000-")
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, got.status)
	require.Equal(t, "bytes */100000", got.header.Get("Content-Range"))
	require.Zero(t, r.open.Load(), "all are closed")

	requireProblem(t, call(http.MethodGet, "/api/v1/files/1/failed"), http.StatusNotFound, "No item failed.")
	requireProblem(t, call(http.MethodGet, "/api/v1/files/77/results"), http.StatusNotFound)
	for _, bad := range []string{"/api/v1/files/x/results", "/api/v1/files/-1/results", "/api/v1/files/0/results", "/api/v1/files/1/results?x=1", "/api/v1/files/1/results?expires=1&expires=2"} {
		requireProblem(t, call(http.MethodGet, bad), http.StatusUnprocessableEntity)
	}
	for _, bad := range []string{"/api/v1/files/1/results/x", "/api/v1/files/1/..%2fresults", "/api/v1/files/results"} {
		require.GreaterOrEqual(t, call(http.MethodGet, bad).status, 400, bad)
	}
}

// A browser saves a download under the name of the file, whatever characters that has.
func TestNamesOfDownloads(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]string{
		"a.txt.jsonl": "a.txt.jsonl", "a b@2.csv": "a b@2.csv", `a"b\c%2F;d`: "a_b_c_2F_d", "größe.txt": "gr____e.txt", "a\r\nX: y": "a__X_ y", "'*": "__",
	} {
		header := attachment(name)
		require.NotContains(t, header, "\n")
		require.Contains(t, header, `filename="`+plain+`"`)
		_, encoded, ok := strings.Cut(header, "filename*=UTF-8''")
		require.True(t, ok)
		got, err := url.PathUnescape(encoded)
		require.NoError(t, err)
		require.Equal(t, name, got)
		_, err = http.NewRequest(http.MethodGet, "/", nil)
		require.NoError(t, err)
	}
	kind, params, err := mime.ParseMediaType(attachmentOnly(attachment("a b.txt")))
	require.NoError(t, err)
	require.Equal(t, "attachment", kind)
	require.Equal(t, "a b.txt", params["filename"])
}

// attachmentOnly leaves out the second form of the name, which the standard library takes for
// a repetition.
func attachmentOnly(header string) string {
	head, _, _ := strings.Cut(header, "; filename*=")
	return head
}

// A link is good for one download of one file, for some minutes, at every master with the token.
func TestLinksToDownloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResults{content: "a\n"}
		cfg := Config{Asker: newFake(), Results: r, Token: token, ReadToken: readToken}
		s, other := New(cfg), New(Config{Asker: newFake(), Results: r, Token: "another-token"})
		frozen := cfg
		frozen.ReadOnly = true
		const base = "/api/v1/files/1/"
		for _, role := range []string{token, readToken} {
			w := call(s, base+"downloads", "Authorization", "Bearer "+role)
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			list := listOf(t, w.Body.String())
			require.Equal(t, time.Now().Add(linkValid).Unix(), list.ExpiresAt.Unix())
			link := base + list.Downloads[0].Href
			for name, x := range map[string]struct {
				s      *Server
				target string
				status int
			}{
				"as it is":                        {s, link, 200},
				"at another master":               {New(cfg), link, 200},
				"where all is read only":          {New(frozen), link, 200},
				"without a signature":             {s, base + "results", 401},
				"with an empty signature":         {s, base + "results?expires=99999999999&signature=", 401},
				"of another download":             {s, strings.Replace(link, "/results", "/summary", 1), 401},
				"of another file":                 {s, strings.Replace(link, "/1/", "/2/", 1), 401},
				"forged":                          {s, link + "A", 401},
				"later":                           {s, strings.Replace(link, "expires=", "expires=1", 1), 401},
				"given twice":                     {s, link + "&" + strings.SplitN(link, "?", 2)[1], 401},
				"with another token":              {other, link, 401},
				"for a call that is no download":  {s, strings.Replace(link, "/results", "", 1), 401},
				"for a call that changes things":  {s, "/api/updateNumBatches?numBatches=5&" + strings.SplitN(link, "?", 2)[1], 401},
				"for the list":                    {s, strings.Replace(link, "results", "downloads", 1), 401},
				"where the token has no links":    {New(Config{Asker: newFake(), Results: r}), link, 200},
				"with a parameter that is no one": {s, link + "&x=1", 422},
			} {
				require.Equal(t, x.status, call(x.s, x.target).Code, name)
			}
			require.Equal(t, http.StatusOK, serve(s, http.MethodHead, link).Code)
			require.Equal(t, http.StatusUnauthorized, serve(s, http.MethodPost, link).Code)
			time.Sleep(linkValid - time.Second)
			require.Equal(t, http.StatusOK, call(s, link).Code)
			time.Sleep(time.Second)
			w = call(s, link)
			require.Equal(t, http.StatusUnauthorized, w.Code)
			require.Contains(t, w.Body.String(), "expired")
		}
		require.Empty(t, newLinkKey(""))
		require.False(t, linkKey(nil).verify(httptest.NewRequest(http.MethodGet, "/x?expires=99999999999&signature="+sumOf(nil, "99999999999", "/x"), nil)))
	})
}

// connect opens a connection to a server in a bubble and asks for a download.
func (s *site) connect(t *testing.T, target string) (net.Conn, *http.Response) {
	t.Helper()
	conn, server := net.Pipe()
	s.in.conns <- &peer{Conn: server, host: "10.0.0.1"}
	_, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	return conn, resp
}

// A slow client may take as long as it wants, as long as it takes something; one that stands
// still is given up. Both leave room for the calls of others.
func TestSlowDownloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResults{content: strings.Repeat("0123456789", 500_000)}
		s := serveInBubble(t, Config{Asker: newFake(), Results: r})
		conn, resp := s.connect(t, "/api/v1/files/1/results")
		require.EqualValues(t, len(r.content), resp.ContentLength)
		var got bytes.Buffer
		begin := time.Now()
		for {
			n, err := io.CopyN(&got, resp.Body, 32<<10)
			if err == io.EOF {
				break
			}
			require.NoError(t, err, "after %d bytes", got.Len())
			require.NotZero(t, n)
			time.Sleep(downloadStall - time.Second)
		}
		require.Equal(t, r.content, got.String())
		require.Greater(t, time.Since(begin), time.Hour)
		conn.Close()

		var all []net.Conn
		for range maxDownloads {
			conn, resp := s.connect(t, "/api/v1/files/1/results")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			all = append(all, conn)
		}
		conn, resp = s.connect(t, "/api/v1/files/1/results")
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.Equal(t, retryAfter, resp.Header.Get("Retry-After"))
		conn.Close()
		conn, resp = s.connect(t, "/api/v1/overview")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		conn.Close()
		time.Sleep(downloadStall + time.Second)
		synctest.Wait()
		require.Zero(t, r.open.Load(), "clients that stand still hold nothing")
		conn, resp = s.connect(t, "/api/v1/files/1/results")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		for _, c := range append(all, conn) {
			c.Close()
		}
		synctest.Wait()
	})
}

// A folder that hangs holds up only those who ask for it, and only so many of them.
func TestDownloadsFromAFolderThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := New(Config{Asker: newFake(), Results: hangingResults{free}})
		for range 2 * maxLooks {
			for _, target := range []string{"/api/v1/files/1/results", "/api/v1/files/1/downloads"} {
				w := call(s, target)
				require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
				require.NotEmpty(t, w.Header().Get("Retry-After"))
			}
		}
		require.Len(t, s.downloads.looks, maxLooks)
		require.Equal(t, http.StatusOK, call(s, "/api/v1/overview").Code)
		close(free)
		synctest.Wait()
		require.Empty(t, s.downloads.looks)
		require.Equal(t, http.StatusOK, call(s, "/api/v1/files/1/downloads").Code)
	})
}

// What takes long to open is sent, and who waits for a folder that hangs is told so, both over a
// connection that a usual call would have had to leave by then.
func TestDownloadsThatTakeLongToOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := serveInBubble(t, Config{Asker: newFake(), Results: hangingResults{free}})
		conn, resp := s.connect(t, "/api/v1/files/1/summary")
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		conn.Close()
		time.AfterFunc(openTimeout-time.Second, func() { close(free) })
		conn, resp = s.connect(t, "/api/v1/files/1/summary")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		conn.Close()
		synctest.Wait()
	})
}

// Job logs are made one after the other, and those that wait for it hold up nothing else.
func TestJobLogsThatTakeLongHoldUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := slowJobLogs{&fakeResults{}, make(chan struct{}), new(atomic.Int64)}
		s := New(Config{Asker: newFake(), Results: r})
		codes := make(chan int, 2*maxLooks)
		for range cap(codes) {
			go func() { codes <- call(s, "/api/v1/files/1/joblog").Code }()
		}
		synctest.Wait()
		require.EqualValues(t, 1, r.making.Load())
		for _, target := range []string{"/api/v1/files/1/downloads", "/api/v1/files/1/results"} {
			require.Equal(t, http.StatusOK, call(s, target).Code, target)
		}
		close(r.free)
		for range cap(codes) {
			require.Equal(t, http.StatusOK, <-codes)
		}
	})
}

// slowJobLogs are results whose job logs are made once they are free.
type slowJobLogs struct {
	*fakeResults
	free   chan struct{}
	making *atomic.Int64
}

func (r slowJobLogs) Open(f messages.File, kind string) (Download, io.ReadSeekCloser, error) {
	if kind == DownloadJoblog {
		r.making.Add(1)
		<-r.free
	}
	return r.fakeResults.Open(f, kind)
}

// hangingResults are in a folder that hangs until it is free.
type hangingResults struct{ free chan struct{} }

func (h hangingResults) List(messages.File) []Download {
	<-h.free
	return noResults{}.List(messages.File{})
}

func (h hangingResults) Open(messages.File, string) (Download, io.ReadSeekCloser, error) {
	<-h.free
	return Download{Kind: DownloadSummary}, &fakeContent{strings.NewReader(""), &fakeResults{}}, nil
}

// A standby passes a download on as it comes, with what continues one, whatever its size.
func TestStandbyPassesDownloadsOn(t *testing.T) {
	t.Parallel()
	r := &fakeResults{content: strings.Repeat("0123456789", maxForwarded/5)}
	cfg := Config{Token: token, ReadToken: readToken, Results: r}
	_, api := startLeader(t, cfg)
	s := standby(t, api, Config{Token: token, ReadToken: readToken})
	t.Cleanup(s.leaderDownloads.CloseIdleConnections)
	list := listOf(t, call(s, "/api/v1/files/1/downloads", "Authorization", "Bearer "+readToken).Body.String())
	link := "/api/v1/files/1/" + list.Downloads[0].Href
	w := call(s, link)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, strconv.Itoa(len(r.content)), w.Header().Get("Content-Length"))
	require.True(t, r.content == w.Body.String())
	require.Equal(t, `attachment; filename="-results.jsonl"; filename*=UTF-8''-results.jsonl`, w.Header().Get("Content-Disposition"))
	require.Equal(t, []string{"nosniff"}, w.Header().Values("X-Content-Type-Options"))

	w = call(s, link, "Range", "bytes=5-9", "If-Range", w.Header().Get("ETag"))
	require.Equal(t, http.StatusPartialContent, w.Code)
	require.Equal(t, "56789", w.Body.String())
	require.Equal(t, fmt.Sprintf("bytes 5-9/%d", len(r.content)), w.Header().Get("Content-Range"))
	w = call(s, link, "Range", fmt.Sprintf("bytes=%d-", len(r.content)))
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, w.Code)
	require.Equal(t, fmt.Sprintf("bytes */%d", len(r.content)), w.Header().Get("Content-Range"))
	w = serve(s, http.MethodHead, link)
	require.Equal(t, strconv.Itoa(len(r.content)), w.Header().Get("Content-Length"))
	w = call(s, "/api/v1/files/1/failed", "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, typeProblem, w.Header().Get("Content-Type"))
	require.Equal(t, http.StatusUnauthorized, call(s, link+"A").Code)
	require.Equal(t, http.StatusServiceUnavailable, call(standby(t, "", Config{}), "/api/v1/files/1/results").Code)
}

// A leader that stands still in the middle of a download is given up, and the client sees that
// it has not everything.
func TestStandbyGivesUpALeaderThatStandsStill(t *testing.T) {
	t.Parallel()
	still, ended := make(chan struct{}), make(chan struct{})
	leader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "<script>")
		_ = http.NewResponseController(w).Flush()
		close(still)
		<-r.Context().Done()
		close(ended)
	}))
	t.Cleanup(leader.Close)
	s := standby(t, strings.TrimPrefix(leader.URL, "http://"), Config{})
	t.Cleanup(s.leaderDownloads.CloseIdleConnections)
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	resp, err := srv.Client().Get(srv.URL + "/api/v1/files/1/results")
	require.NoError(t, err)
	defer resp.Body.Close()
	<-still
	require.Equal(t, "attachment", resp.Header.Get("Content-Disposition"), "whatever the leader says, a browser shows none of it")
	leader.CloseClientConnections()
	text, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "<script>", string(text))
	<-ended
}

func TestReaderThatStandsStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		given := 0
		in := stallReader{from, func() { given++; to.CloseWithError(context.Canceled) }}
		go func() {
			for range 3 {
				time.Sleep(downloadStall - time.Second)
				_, _ = to.Write([]byte("x"))
			}
		}()
		text, err := io.ReadAll(in)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "xxx", string(text))
		require.Equal(t, 1, given)
	})
}
