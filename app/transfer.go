package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// transfer copies one download from the API. A connection that is cut, as by a master that
// dies, is followed by one that goes on where it ended.
type transfer struct {
	client   *apiClient
	path     string
	hash     string        // of the content, empty when it is not known before
	progress func(int64)   // told how much of the content is there
	pause    time.Duration // before it goes on after a cut

	sum  *xxhash.Digest // of what is there
	have int64          // bytes of it
	tag  string         // ETag of the content, empty before the first answer
}

var (
	// errCut is the error of a connection that ended before the content did.
	errCut = fmt.Errorf("%w: the connection was cut", errUnreachable)
	// errReplaced is the error of content that is another one than it was.
	errReplaced = errors.New("the download was replaced by another one meanwhile: start it again")
	// errWrongHash is the error of content whose hash is wrong.
	errWrongHash = errors.New("what came has another hash than the master names: start it again")
)

const (
	// dialLimit and answerLimit bound how long a download may take to begin.
	dialLimit   = 10 * time.Second
	answerLimit = 40 * time.Second
	// partEnd is the ending of a download that is not complete.
	partEnd = ".part"
)

func (c *apiClient) transfer(path, hash string, progress func(int64)) *transfer {
	return &transfer{client: c, path: path, hash: hash, progress: progress, pause: time.Second, sum: xxhash.New()}
}

// copyTo writes the content to w.
func (t *transfer) copyTo(ctx context.Context, w io.Writer) error {
	lost := time.Now()
	for {
		before := t.have
		err := t.goOn(ctx, w)
		if t.have > before {
			lost = time.Now()
		}
		switch {
		case err == nil:
			return t.check()
		case ctx.Err() != nil:
			return fmt.Errorf("stopped: %w", ctx.Err())
		case !errors.Is(err, errUnreachable), t.tag == "", time.Since(lost) > unreachableFor:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(t.pause):
		}
	}
}

// check compares the hash of what came.
func (t *transfer) check() error {
	want := t.hash
	if want == "" {
		want = strings.Trim(t.tag, `"`)
	}
	if got := fmt.Sprintf("%016x", t.sum.Sum64()); got != want {
		return fmt.Errorf("%w (%s, not %s)", errWrongHash, got, want)
	}
	return nil
}

// goOn copies what is missing over one connection.
func (t *transfer) goOn(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := t.ask(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if done, err := t.judge(resp); done || err != nil {
		return err
	}
	silence := time.AfterFunc(maxQuiet, cancel)
	defer silence.Stop()
	buffer := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buffer)
		silence.Reset(maxQuiet)
		if _, failed := w.Write(buffer[:n]); failed != nil {
			return fmt.Errorf("write the download: %w", failed)
		}
		_, _ = t.sum.Write(buffer[:n])
		t.have += int64(n)
		t.progress(t.have)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w at %s after %d bytes: %w", errCut, t.client.base, t.have, err)
		}
	}
}

// ask requests the content from where it is missing.
func (t *transfer) ask(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.client.base+t.path, nil)
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	if t.client.token != "" {
		req.Header.Set("Authorization", "Bearer "+t.client.token)
	}
	if t.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.have))
		req.Header.Set("If-Range", t.tag)
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: answerLimit,
			DialContext: (&net.Dialer{Timeout: dialLimit}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", errUnreachable, t.client.base, err)
	}
	return resp, nil
}

// judge looks at an answer: done reports that nothing is missing.
func (t *transfer) judge(resp *http.Response) (done bool, err error) {
	tag := resp.Header.Get("ETag")
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && t.have > 0:
		if size, _ := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes */"); size != strconv.FormatInt(t.have, 10) {
			return false, errReplaced
		}
		return true, nil
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		return false, t.client.refusal(resp.StatusCode, answer)
	case tag == "":
		return false, fmt.Errorf("the answer of %s is no download; is it a Kafka Master of this version?", t.client.base)
	case t.tag != "" && tag != t.tag, t.have > 0 && resp.StatusCode == http.StatusOK, t.hash != "" && tag != `"`+t.hash+`"`:
		return false, errReplaced
	case t.have > 0 && !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.have)):
		return false, fmt.Errorf("%s sends another part than it was asked for: %q", t.client.base, messages.Clean(resp.Header.Get("Content-Range"), 100))
	}
	t.tag = tag
	return false, nil
}

// save writes the content to a file, which gets its name when it is complete. What an earlier
// call left of the same content is not copied again.
func (t *transfer) save(ctx context.Context, path string) (err error) {
	unique := t.hash
	if unique == "" { // nothing is taken up, so the name may not be one that is there
		unique = rand.Text()
	}
	part := path + "." + unique + partEnd
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("create the file: %w", err)
	}
	keep := false // what a later call can go on with
	defer func() {
		if err != nil && !keep {
			_ = os.Remove(part)
		}
	}()
	defer f.Close()
	if err := t.takeUp(f); err != nil {
		return err
	}
	if err := t.copyTo(ctx, f); err != nil {
		keep = t.hash != "" && t.have > 0 && !errors.Is(err, errReplaced) && !errors.Is(err, errWrongHash)
		if keep {
			err = fmt.Errorf("%w; %d bytes are kept in %s, and the same command goes on from there", err, t.have, part)
		}
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the download: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write the download: %w", err)
	}
	return nil
}

// takeUp reads what is in a file that an earlier call left.
func (t *transfer) takeUp(f *os.File) error {
	if t.hash == "" {
		return nil
	}
	n, err := io.Copy(t.sum, f)
	if err != nil {
		return fmt.Errorf("read what is there of the download: %w", err)
	}
	if t.have = n; n > 0 {
		t.tag = `"` + t.hash + `"`
	}
	t.progress(n)
	return nil
}
