package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// The media types of the answers. That a bare number is HTML is what the clients
// of the seed endpoints know.
const (
	typeJSON = "application/json; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
)

// The paths that are open to probes: no token, no check of the host, no log.
const (
	pathLive  = "/livez"
	pathReady = "/readyz"
)

// route is one path that answers GET, and HEAD when it changes nothing.
type route struct {
	path    string
	handle  gin.HandlerFunc
	changes bool
}

// table is all that the API has.
func (s *Server) table() []route {
	return []route{
		{"/api/getWorkersStatus", s.getWorkersStatus, false},
		{"/api/getNumBatches", s.getNumBatches, false},
		{"/api/updateNumBatches", s.updateNumBatches, true},
		{"/api/getPartitions", s.getPartitions, false},
		{"/api/updatePartitions", s.updatePartitions, true},
		{"/api/v1/overview", s.overview, false},
		{"/api/v1/files", s.files, false},
		{"/api/v1/files/:id", s.file, false},
		{"/api/v1/workers", s.workers, false},
		{"/metrics", gin.WrapH(s.metrics), false},
		{pathLive, s.live, false},
		{pathReady, s.ready, false},
		{"/version", s.version, false},
	}
}

// handler builds the chain that every request passes, from the outside in.
func (s *Server) handler() http.Handler {
	var h http.Handler = s.routes()
	h = s.takeTurns(h)
	h = s.checkToken(h)
	h = s.checkHost(h)
	h = limitBody(h)
	h = headers(h)
	h = s.recoverPanic(h)
	return s.logCall(h)
}

func (s *Server) routes() *gin.Engine {
	if gin.Mode() == gin.DebugMode {
		// Global, but gin has no other way to keep quiet on stdout.
		gin.SetMode(gin.ReleaseMode)
	}
	e := gin.New()
	_ = e.SetTrustedProxies(nil) // nil cannot fail
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false // a redirect would pass by the handlers
	for _, r := range s.table() {
		s.add(e, r.path, r)
		if lower := strings.ToLower(r.path); lower != r.path {
			s.add(e, lower, r) // the seed did not look at the case
		}
	}
	e.NoMethod(func(c *gin.Context) {
		text(c, http.StatusMethodNotAllowed, "This path answers "+c.Writer.Header().Get("Allow")+" only.")
	})
	e.NoRoute(s.notFound)
	return e
}

func (s *Server) add(e *gin.Engine, path string, r route) {
	if r.changes {
		e.GET(path, s.checkSite, r.handle)
		return
	}
	e.GET(path, r.handle)
	e.HEAD(path, r.handle)
}

func (s *Server) notFound(c *gin.Context) {
	var b strings.Builder
	b.WriteString("There is nothing here. There is:\n")
	for _, r := range s.table() {
		b.WriteString(r.path + "\n")
	}
	text(c, http.StatusNotFound, strings.TrimSuffix(b.String(), "\n"))
}

// text answers with plain text; one newline ends it.
func text(c *gin.Context, status int, body string) {
	c.Data(status, typeText, []byte(body+"\n"))
}
