package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// read returns the files of the page by name.
func read(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(Files(), name)
		all[name] = string(content)
		return err
	}))
	return all
}

// own returns those that are not vendored.
func own(t *testing.T) map[string]string {
	t.Helper()
	all := read(t)
	for name := range all {
		if strings.HasPrefix(name, "vendor/") {
			delete(all, name)
		}
	}
	require.Contains(t, all, "index.html")
	return all
}

// Whatever a file refers to is there, and is named relative to it, so that the page works
// below any prefix.
func TestReferencesAreRelativeAndExist(t *testing.T) {
	t.Parallel()
	all := read(t)
	reference := regexp.MustCompile(`(?:^import [^'"]*|^} from |\bsrc=|<link [^>]*href=)['"]([^'"]+)['"]`)
	n := 0
	for name, content := range own(t) {
		for line := range strings.Lines(content) {
			for _, m := range reference.FindAllStringSubmatch(line, -1) {
				n++
				from := path.Dir(name)
				if strings.Contains(line, "<img") {
					from = "." // that of the document
				}
				require.False(t, strings.HasPrefix(m[1], "/"), "%s refers to %s", name, m[1])
				require.Contains(t, all, path.Join(from, m[1]), "%s refers to %s", name, m[1])
			}
		}
	}
	require.Greater(t, n, 30)
}

// Nothing outside is named, and no text becomes markup or code.
func TestNothingOutsideAndNoMarkupFromData(t *testing.T) {
	t.Parallel()
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|javascript:`)
	inline := regexp.MustCompile(`<script>|<style|\son[a-z]+="|\sstyle="`)
	for name, content := range own(t) {
		content = strings.ReplaceAll(content, `xmlns="http://www.w3.org/2000/svg"`, "")
		require.Empty(t, outside.FindString(content), name)
		require.Empty(t, markup.FindString(content), name)
		require.Empty(t, inline.FindString(content), name)
	}
}

func TestVendoredFilesAreSmall(t *testing.T) {
	t.Parallel()
	all := read(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for _, name := range []string{"vendor/preact.js", "vendor/uPlot.js", "vendor/uPlot.css"} {
		_, err := w.Write([]byte(all[name]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.Less(t, packed.Len(), 34_000)
	for _, name := range []string{"preact", "@preact/signals", "htm", "uplot"} {
		require.Contains(t, all["vendor/LICENSES.txt"], "==== "+name+" ")
	}
}
