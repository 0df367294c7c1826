package httpapi

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// pagePolicy lets the page run its own scripts and call this API, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageTypes are the media types of the page's files. They are not asked from the system,
// whose tables may be wrong, since a browser runs no script of another type.
var pageTypes = map[string]string{
	".html": typeHTML, ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": typeText,
}

// pageFile is a file of the page.
type pageFile struct {
	kind    string
	tag     string // changes with the content
	content []byte
}

// pageFiles reads the files of the page, by their path in a URL.
func pageFiles(page fs.FS) map[string]pageFile {
	all := map[string]pageFile{}
	if page == nil {
		return all
	}
	_ = fs.WalkDir(page, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(page, name)
		all["/"+name] = pageFile{pageTypes[path.Ext(name)], fmt.Sprintf(`"%x"`, sha256.Sum256(content)), content}
		return err
	}) // an embedded file cannot fail
	if start, ok := all["/index.html"]; ok {
		all["/"] = start
	}
	return all
}

// servePage answers calls of the page's files. They need no token, since they show nothing
// of the deployment: the page itself asks for the token.
func (s *Server) servePage(next http.Handler) http.Handler {
	files := pageFiles(s.cfg.Page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "no-cache") // kept, but compared before each use
		h.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}
