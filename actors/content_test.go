package actors

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func inUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	var out []byte
	if mark {
		text = "\ufeff" + text
	}
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

func TestUnfitContent(t *testing.T) {
	t.Parallel()
	addresses := strings.Repeat("203.0.113.7\n", 40)
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct{ data, want string }{
		"text":                {addresses, ""},
		"text, CRLF":          {strings.ReplaceAll(addresses, "\n", "\r\n"), ""},
		"text, UTF-8 mark":    {"\ufeff" + addresses, ""},
		"Latin 1":             {"caf\xe9\nna\xefve\n", ""},
		"empty":               {"", ""},
		"one item":            {"a", ""},
		"one item and CR":     {"a\r", ""},
		"CR inside of items":  {"10%\r100%\nb\n", ""},
		"one long line":       {long, ""},
		"LF behind the head":  {long + "\ra\n", ""},
		"NULs":                {strings.Repeat("\x00", 1000), ""},
		"UTF-16LE, mark":      {inUTF16("1\r\n", binary.LittleEndian, true), "UTF-16"},
		"UTF-16BE, mark":      {inUTF16("1\r\n", binary.BigEndian, true), "UTF-16"},
		"UTF-16LE":            {inUTF16(addresses, binary.LittleEndian, false), "UTF-16"},
		"UTF-16BE":            {inUTF16(addresses, binary.BigEndian, false), "UTF-16"},
		"UTF-16, with umlaut": {inUTF16("Müller – Łódź, Straße\n"+addresses, binary.LittleEndian, false), "UTF-16"},
		"CR only":             {strings.ReplaceAll(addresses, "\n", "\r"), "bare CR"},
		"CR only, long":       {strings.Repeat("203.0.113.7\r", 150_000), "bare CR"},
		"gzip":                {"\x1f\x8b\x08\x00abc", "gzip"},
		"zip":                 {"PK\x03\x04abc", "zip"},
		"zstd":                {"\x28\xb5\x2f\xfdabc", "zstd"},
		"xz":                  {"\xfd7zXZ\x00abc", "xz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := &memFiles{}
			at := time.Unix(1e9, 0)
			files.put("a.txt", c.data, at)
			e, err := readEnds(t.Context(), files, messages.FileInfo{Path: "a.txt", Size: int64(len(c.data)), ModTime: at})
			require.NoError(t, err)
			if c.want == "" {
				require.Empty(t, e.unfit())
			} else {
				require.Contains(t, e.unfit(), c.want)
			}
			require.Equal(t, strings.HasSuffix(c.data, "\x00") || name == "UTF-16LE", e.nuls())
		})
	}
}

func TestNULsAtTheEnd(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{
		"": false, "\x00": true, "a\n\x00\x00": true, "a\n" + strings.Repeat("\x00", tailBytes): true,
		strings.Repeat("a\n", headBytes) + strings.Repeat("\x00", tailBytes):       true,
		strings.Repeat("a\n", headBytes) + strings.Repeat("\x00", tailBytes) + "a": false,
	} {
		files := &memFiles{}
		at := time.Unix(1e9, 0)
		files.put("a.txt", data, at)
		e, err := readEnds(t.Context(), files, messages.FileInfo{Path: "a.txt", Size: int64(len(data)), ModTime: at})
		require.NoError(t, err)
		require.Equal(t, want, e.nuls(), len(data))
	}
}

// TestUnfitFileIsRefused: nothing of it reaches a worker, and the same name with
// other content is worked on.
func TestUnfitFileIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.hire("w1", 0)
		w.files.put("a.txt", inUTF16("203.0.113.7\n", binary.LittleEndian, true), time.Now().Add(-time.Hour))
		time.Sleep(4 * scanEvery)
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, "iconv")
		require.True(t, f.HasEnded())
		require.Empty(t, h.read())
		w.drop("a.txt", 4)
		time.Sleep(2 * scanEvery)
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.Equal(t, 2, w.file("a.txt").Generation)
	})
}

// TestGrowingFileOfASlowClock: the clock of the machine that writes is 15 s behind
// while it copies a file line by line.
func TestGrowingFileOfASlowClock(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.hire("w1", 0)
		text := ""
		for i := range 40 {
			text += fmt.Sprintf("line-%d\n", i)
			w.files.put("a.txt", text, time.Now().Add(-15*time.Second))
			time.Sleep(time.Second)
			require.Empty(t, h.read())
		}
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, 1, f.Generation)
		require.EqualValues(t, 40, f.DoneItems)
	})
}

// TestCopyThatStalls: a copy set the full size first, and its data comes late.
func TestCopyThatStalls(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.hire("w1", 0)
		data := strings.Repeat("abc\n", 2000)
		w.files.put("a.txt", data[:2000]+strings.Repeat("\x00", 6000), time.Now())
		time.Sleep(time.Minute)
		require.Empty(t, h.read())
		require.Equal(t, messages.ProblemUnfinished, w.overview().Problems[0].Kind)
		w.files.put("a.txt", data, time.Now())
		h.work("a.txt")
		require.EqualValues(t, 2000, w.file("a.txt").DoneItems)
		require.Equal(t, 1, w.file("a.txt").Generation)
		require.Empty(t, w.overview().Problems)
	})
}
