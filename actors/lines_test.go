package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A worker can tell the line of each of its items that an editor shows, wherever the file has
// blank lines: in chunks that are sent as they are cut, that are read again for another
// attempt, that are halved, and in retries of failed items.
func TestWorkersTellTheLinesOfTheirItems(t *testing.T) {
	t.Parallel()
	const text = "\xEF\xBB\xBF\r\n \t\r\n1\r\n2\r\n\r\n3\r\n\n\n  \n4\n5\n6\n\v\f\n7\n\n\n8\n \n\t\n"
	editor := map[string]int64{}
	for i, line := range strings.Split(text, "\n") {
		editor[strings.TrimSuffix(line, "\r")] = int64(i + 1)
	}
	check := func(t *testing.T, list []messages.ChunkMessage, told map[string]bool) {
		t.Helper()
		for _, m := range list {
			lines := linesOf(m)
			require.Len(t, lines, len(m.Data), "%+v", m)
			for i, item := range m.Data {
				require.Equal(t, editor[item], lines[i], "item %q of %+v", item, m)
				told[item] = true
			}
		}
	}
	for _, batch := range []int{1, 2, 3, 5, 100} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.stop()
				w.cfg.Bisect = true
				w.start()
				time.Sleep(emptyWait + watchEvery)
				w.ask(messages.SetBatchSize{Items: batch})
				lost := w.startWorker("lost", 0)
				w.files.put("a.txt", text, time.Now().Add(-time.Hour))
				time.Sleep(2 * scanEvery)
				told := map[string]bool{}
				check(t, lost.read(), told)
				require.Contains(t, told, "1")
				lost.kill() // its chunk is read again
				h := w.startWorker("w", 1)
				clear(told)
				for range 10_000 {
					if w.file("a.txt").State.Terminal() {
						break
					}
					list := h.read()
					check(t, list, told)
					switch {
					case len(list) == 0:
						time.Sleep(time.Second)
					case len(list[0].Data) > 1:
						h.finish(messages.OutcomeFailed) // until it is halved
					default:
						h.partly(0)
					}
				}
				require.Len(t, told, 8)
				require.EqualValues(t, 8, w.file("a.txt").FailedItems)
				require.Equal(t, 8, w.retry(w.letters()).Accepted)
				clear(told)
				for range 10_000 {
					if w.file("a.txt").State == messages.FileDone {
						break
					}
					list := h.read()
					check(t, list, told)
					if len(list) == 0 {
						time.Sleep(time.Second)
					} else {
						h.partly()
					}
				}
				require.Len(t, told, 8)
			})
		})
	}
}
