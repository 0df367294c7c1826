package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

const (
	// openTimeout bounds how long a download may take to begin. A job log is made first.
	openTimeout = 30 * time.Second
	// downloadStall is how long a download may make no progress: its client may be slow or pause
	// for a while, but holds nothing for ever. A client that comes back continues.
	downloadStall = time.Minute
)

// operation describes a download in the document.
func (k downloadKind) operation() *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	op := &huma.Operation{
		OperationID: "download-" + k.name, Method: http.MethodGet, Path: pathV1 + "/files/{id}/" + k.name, Summary: k.summary,
		Description: "It takes Range and If-Range, so that an interrupted download continues. A browser that sends no token uses the links of list-downloads.",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Description: "Number of the version of the file.", Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}},
			{Name: linkExpires, In: "query", Description: "Of a signed link.", Schema: text}, {Name: linkSignature, In: "query", Description: "Of a signed link.", Schema: text},
		},
		Responses: map[string]*huma.Response{
			strconv.Itoa(http.StatusOK):             {Description: strings.TrimSpace("All of it. " + k.note), Content: map[string]*huma.MediaType{k.media: {Schema: k.schema()}}},
			strconv.Itoa(http.StatusPartialContent): {Description: "The part that Range asks for."},
		},
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable} {
		op.Responses[strconv.Itoa(status)] = problemResponse(status)
	}
	return op
}

// schema describes the body of an answer. A client that was made of the document must not take a
// text for JSON, nor results for one of the types that they may have.
func (k downloadKind) schema() *huma.Schema {
	switch k.media {
	case "application/json":
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	case "application/octet-stream":
		return &huma.Schema{Type: huma.TypeString, Format: "binary"}
	}
	return &huma.Schema{Type: huma.TypeString}
}

// download answers with something that was made of a file. A standby passes on what the leader
// answers, which alone knows the file.
func (s *Server) download(c *gin.Context) {
	if errs := queryErrors(linkOperation, c.Request.URL.RawQuery); len(errs) > 0 {
		refuse(c.Writer, c.Request, http.StatusUnprocessableEntity, "A download takes no parameters but those of a signed link.")
		return
	}
	id, err := strconv.ParseUint(c.Param("id"), 10, 64)
	if err != nil || id == 0 {
		refuse(c.Writer, c.Request, http.StatusUnprocessableEntity, "The id of a file is a number from 1.")
		return
	}
	select {
	case s.downloads.open <- struct{}{}:
		defer func() { <-s.downloads.open }()
	default:
		refuse(c.Writer, c.Request, http.StatusServiceUnavailable, "Too many downloads are open. Try again later.")
		return
	}
	letOpen(c.Writer)
	f, err := ask[*messages.FileStatus](c.Request.Context(), s, messages.QueryFile{ID: messages.FileID(id)})
	var other *messages.NotLeader
	switch {
	case err == nil && f == nil:
		refuse(c.Writer, c.Request, http.StatusNotFound, noFile)
	case err == nil:
		s.sendDownload(c, *f.File)
	case errors.As(err, &other) && s.passDownload(c, other.Leader):
	default:
		status, sentence := s.explain(c.Request.URL.Path, err)
		refuse(c.Writer, c.Request, status, sentence)
	}
}

// letOpen gives the connection the time that a download may take to begin: the limits of a call
// are shorter, and would end it without an answer.
func letOpen(w http.ResponseWriter) {
	limits := http.NewResponseController(w)
	_ = limits.SetReadDeadline(time.Time{}) // not possible in some tests, nor is the other
	_ = limits.SetWriteDeadline(time.Now().Add(messages.AskTimeout + openTimeout + messages.AskTimeout + writeTimeout))
}

// linkOperation has the parameters of a signed link.
var linkOperation = downloadKinds[0].operation()

// opened is a download that was opened, or why it could not be.
type opened struct {
	Download
	content io.ReadSeekCloser
	err     error
}

func (o opened) close() {
	if o.content != nil {
		_ = o.content.Close()
	}
}

// sendDownload opens a download and sends it.
func (s *Server) sendDownload(c *gin.Context, f messages.File) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), openTimeout)
	defer cancel()
	kind := path.Base(c.Request.URL.Path) // c is used again for another call while a folder hangs
	o, err := readBeside(ctx, s.downloads.looksFor(kind), func() (o opened) {
		o.Download, o.content, o.err = s.results().Open(f, kind)
		return o
	}, opened.close)
	defer o.close()
	if err = errors.Join(err, o.err); err != nil {
		s.refuseDownload(c, err)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", o.mediaType())
	h.Set("Content-Disposition", attachment(o.Name))
	h.Set("ETag", `"`+o.Hash+`"`)
	h.Set("X-Accel-Buffering", "no") // a proxy that reads ahead would hide from the client that it is slow
	http.ServeContent(stallWriter{c.Writer}, c.Request, "", o.Modified, o.content)
}

func (s *Server) refuseDownload(c *gin.Context, err error) {
	var missing *NotThere
	switch {
	case errors.As(err, &missing):
		refuse(c.Writer, c.Request, missing.Status, missing.Sentence)
	case errors.Is(err, errFolder):
		refuse(c.Writer, c.Request, http.StatusServiceUnavailable, "The folder of the results does not answer. Try again later.")
	default:
		status, sentence := s.explain(c.Request.URL.Path, err)
		refuse(c.Writer, c.Request, status, sentence)
	}
}

// attachment returns a Content-Disposition that has a browser save the answer under this name,
// whatever characters it has (RFC 6266).
func attachment(name string) string {
	var plain, encoded strings.Builder
	for _, b := range []byte(name) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0
		if letter {
			encoded.WriteByte(b)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
		if letter || b == ' ' || b == '@' || b == ',' || b == '(' || b == ')' {
			plain.WriteByte(b)
		} else {
			plain.WriteByte('_')
		}
	}
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain.String(), encoded.String())
}

// stallWriter gives each write the time that a download may make no progress.
type stallWriter struct{ http.ResponseWriter }

// Write implements http.ResponseWriter.
func (w stallWriter) Write(b []byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(downloadStall)) // not possible in some tests
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// passDownload passes on a download of the leader. It reports whether the call was answered.
func (s *Server) passDownload(c *gin.Context, to messages.Leader) bool {
	if to.API == "" || c.GetHeader(forwardedHeader) != "" {
		return false
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	proxy := httputil.ReverseProxy{
		Transport: s.leaderDownloads, FlushInterval: -1,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			s.rewriteRequest(r, to.API, nil)
			maps.Copy(r.Out.Header, only(r.In.Header, "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"))
		},
		ModifyResponse: func(r *http.Response) error { return filterDownload(r, cancel) },
		ErrorHandler:   s.leaderAway(c, to),
	}
	proxy.ServeHTTP(stallWriter{c.Writer}, c.Request.WithContext(ctx))
	c.Writer.WriteHeaderNow() // an answer to HEAD has no body that would do so
	return true
}

// filterDownload is filterAnswer for a download, which may be large. It is given up when the
// leader sends nothing for long.
func filterDownload(r *http.Response, giveUp func()) error {
	body, header := r.Body, only(r.Header, "ETag", "Last-Modified", "Accept-Ranges", "Content-Range", "X-Accel-Buffering")
	disposition := r.Header.Get("Content-Disposition")
	if err := filterAnswer(r); err != nil {
		return err
	}
	maps.Copy(r.Header, header)
	if r.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	if !strings.HasPrefix(disposition, "attachment;") {
		disposition = "attachment"
	}
	r.Header.Set("Content-Disposition", disposition)
	r.Body = stallReader{body, giveUp}
	return nil
}

// stallReader gives up when a read takes longer than a download may make no progress.
type stallReader struct {
	io.ReadCloser
	giveUp func()
}

// Read implements io.Reader.
func (r stallReader) Read(b []byte) (int, error) {
	late := time.AfterFunc(downloadStall, r.giveUp)
	defer late.Stop()
	return r.ReadCloser.Read(b)
}
