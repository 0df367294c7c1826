package messages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test vectors are shared with the Python worker.
func TestResultFolder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../examples/python-worker/testdata/result_folders.json")
	require.NoError(t, err)
	var vectors []struct{ File, Folder string }
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.Greater(t, len(vectors), 30)
	for _, v := range vectors {
		require.Equal(t, v.Folder, ResultFolder(v.File), "%q", v.File)
		file, ok := fileOf(v.Folder)
		require.Equal(t, !strings.Contains(v.Folder, "%~"), ok, v.Folder)
		if ok {
			require.Equal(t, v.File, file)
		}
	}
	for _, none := range []string{"", "a/b", "..", "%2e", "%", "%4", "%ZZ", "%41", "a@2", "nul.txt", "a%~0123456789abcdef"} {
		_, ok := fileOf(none)
		require.False(t, ok, none)
	}
}

func FuzzResultFolder(f *testing.F) {
	for _, s := range []string{"a.txt", "\xff\xfe", "é", "../..", "_", "%", "nul", strings.Repeat("a/", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		folder := ResultFolder(file)
		if folder == "." || folder == ".." || len(folder) == 0 || len(folder) > maxResultFolder || filepath.Base(folder) != folder || strings.ContainsAny(folder, "\x00\\:@") {
			t.Errorf("%q: folder %q", file, folder)
		}
		if back, ok := fileOf(folder); ok && back != file || !ok && !strings.Contains(folder, "%~") {
			t.Errorf("%q: back from %q: %q, %t", file, folder, back, ok)
		}
	})
}

// fileOf reverses ResultFolder: it shows that no two files share a folder. ok is false for
// a name that ResultFolder does not return, and for one that it had to cut.
func fileOf(folder string) (file string, ok bool) {
	if folder == noFile {
		return "", true
	}
	var b []byte
	for i := 0; i < len(folder); i++ {
		c := folder[i]
		if c == '%' {
			if i+2 >= len(folder) {
				return "", false
			}
			high, low := strings.IndexByte(hexDigits, folder[i+1]), strings.IndexByte(hexDigits, folder[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b = append(b, c)
	}
	return string(b), ResultFolder(string(b)) == folder
}
