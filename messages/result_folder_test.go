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
		require.Equal(t, len(v.Folder) < 182 || !strings.Contains(v.Folder, "%~"), ok, v.Folder)
		if ok {
			require.Equal(t, v.File, file)
		}
	}
	for _, none := range []string{"", "a/b", "..", "%2e", "%", "%4", "%ZZ", "%41", "a@2", "nul.txt", "a%~0123456789abcdef", "a%+1", "A", "A%+01", "A%+", "ä", "a%+", "x.failed.txt"} {
		_, ok := fileOf(none)
		require.False(t, ok, none)
	}
}

// File systems that ignore case or the Unicode form of a name keep the results of all
// files apart.
func TestResultFolderOfSimilarNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	similar := []string{
		"report.txt", "Report.txt", "REPORT.txt", "report.TXT", "reporT.txt", "nul", "NUL", "Nul", "%", "%25", "%2b", "%2B",
		"é.txt", "e\u0301.txt", "É.txt", "K.txt", "k.txt", "\u212a.txt", "ß", "ss", "SS", "x.failed.txt", "X.failed.txt", "x.failed%2Etxt",
		strings.Repeat("n", 240), strings.Repeat("N", 240), strings.Repeat("N", 190), strings.Repeat("n", 190),
	}
	for _, file := range similar {
		folder := ResultFolder(file)
		form := strings.ToLower(strings.NewReplacer("é", "e", "e\u0301", "e", "É", "e", "\u212a", "k", "ß", "ss").Replace(folder))
		require.NotContains(t, seen, form, "%q and %q", file, seen[form])
		seen[form] = file
		require.False(t, strings.HasSuffix(form, ".failed.txt"), folder)
	}
}

func TestGenerationFolder(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a.txt", GenerationFolder("a.txt", 0))
	require.Equal(t, "a.txt", GenerationFolder("a.txt", 1))
	require.Equal(t, "a.txt@2", GenerationFolder("a.txt", 2))
	require.Equal(t, "a.txt%402", ResultFolder("a.txt@2"))
}

// Results of earlier versions stay where they are.
func TestFormerResultFolder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 199)
	for file, want := range map[string]string{
		"a.txt": "a.txt", "My list.txt": "My list.txt", "ä: €.TXT": "ä%3A €.TXT", "x.failed.txt": "x.failed.txt", "": "_", "_": "%5F", long: long,
		strings.Repeat("n", 201): strings.Repeat("n", 182) + "%~291c4194382c6bd5",
	} {
		require.Equal(t, want, FormerResultFolder(file))
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
		if back, ok := fileOf(folder); ok && back != file || !ok && !strings.Contains(folder, digestMark) {
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
	escaped := folder
	for _, mark := range []string{digestMark, capitalsMark} {
		escaped, _, _ = strings.Cut(escaped, mark)
	}
	var b []byte
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '%' {
			if i+2 >= len(escaped) {
				return "", false
			}
			high, low := strings.IndexByte(hexDigits, escaped[i+1]), strings.IndexByte(hexDigits, escaped[i+2])
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
