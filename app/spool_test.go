package app

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// reader is a writer whose other end reads only when the test lets it.
type reader struct {
	mu   sync.Mutex
	goOn chan struct{}
	got  []string
	err  error
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.goOn
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(p))
	return len(p), r.err
}

func TestSpoolNeverBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{goOn: make(chan struct{})}
		s := newSpool(r, func(n int64) []byte { return fmt.Appendf(nil, "lost %d", n) })
		s.maxBytes = 10 * cost([]byte("0"))
		line := []byte("0")
		for i := range 15 {
			line[0] = byte('a' + i)
			n, err := s.Write(line)
			require.Equal(t, 1, n)
			require.NoError(t, err)
			synctest.Wait()
		}
		require.Empty(t, r.got)
		close(r.goOn)
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "lost 4"}, r.got)
		fmt.Fprint(s, "x")
		s.close()
		require.Equal(t, "x", r.got[len(r.got)-1], "what waits is written at the end")
		fmt.Fprint(s, "late")
		require.Len(t, r.got, 13)
	})
}

func TestSpoolOfAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{goOn: make(chan struct{}), err: errors.New("broken pipe")}
		close(r.goOn)
		s := newSpool(r, nil)
		for range 3 {
			_, err := fmt.Fprint(s, "x")
			require.NoError(t, err)
			synctest.Wait()
		}
		require.Len(t, r.got, 3)
		s.close()

		stuck := &reader{goOn: make(chan struct{})}
		s = newSpool(stuck, nil)
		fmt.Fprint(s, "x")
		before := time.Now()
		s.close()
		require.Equal(t, closeTimeout, time.Since(before))
		close(stuck.goOn)
		<-s.ended
	})
}

// A log on a full disk continues when the disk has room again.
func TestSpoolOfAWriterThatFailsForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{goOn: make(chan struct{}), err: errors.New("no space left on device")}
		close(r.goOn)
		s := newSpool(r, func(n int64) []byte { return fmt.Appendf(nil, "lost %d", n) })
		write := func(text string) {
			_, err := fmt.Fprint(s, text)
			require.NoError(t, err)
			synctest.Wait()
		}
		write("a")
		write("b")
		require.Equal(t, []string{"a", "b"}, r.got, "each is tried once, and nothing else")
		r.mu.Lock()
		r.err = nil
		r.mu.Unlock()
		write("c")
		require.Equal(t, []string{"a", "b", "c", "lost 2"}, r.got)
		s.close()
	})
}
