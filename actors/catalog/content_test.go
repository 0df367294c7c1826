package catalog

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
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

// inspect inspects the ends of a file as the scanner reads them.
func inspect(data string) (unfit string, nuls bool) {
	head, tail := data[:min(len(data), HeadBytes)], data[max(0, len(data)-TailBytes):]
	return Inspect([]byte(head), []byte(tail), len(data) <= HeadBytes)
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
			unfit, nuls := inspect(c.data)
			if c.want == "" {
				require.Empty(t, unfit)
			} else {
				require.Contains(t, unfit, c.want)
			}
			require.Equal(t, strings.HasSuffix(c.data, "\x00") || name == "UTF-16LE", nuls)
		})
	}
}

func TestNULsAtTheEnd(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{
		"": false, "\x00": true, "a\n\x00\x00": true, "a\n" + strings.Repeat("\x00", TailBytes): true,
		strings.Repeat("a\n", HeadBytes) + strings.Repeat("\x00", TailBytes):       true,
		strings.Repeat("a\n", HeadBytes) + strings.Repeat("\x00", TailBytes) + "a": false,
	} {
		_, nuls := inspect(data)
		require.Equal(t, want, nuls, len(data))
	}
}
