package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// The media types of the answers. A bare number is HTML because clients of the legacy
// endpoints expect that.
const (
	typeJSON = "application/json; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
)

// The paths for health probes, which need no token and no allowed host and are not
// logged.
const (
	pathLive  = "/livez"
	pathReady = "/readyz"
)

// route is a path that answers GET, and HEAD unless it changes something, or POST only.
type route struct {
	path    string
	handle  gin.HandlerFunc
	changes changes
}

// changes is whether and how a route changes something.
type changes uint8

const (
	reads         changes = iota
	changesByGET          // as the legacy endpoints do
	changesByPOST         // by a body in JSON
)

// of returns the handler for chunks of one kind.
func of(kind letterKind, handle func(*gin.Context, letterKind)) gin.HandlerFunc {
	return func(c *gin.Context) { handle(c, kind) }
}

// allRoutes returns the routes of the API.
func (s *Server) allRoutes() []route {
	return []route{
		{"/api/getWorkersStatus", s.getWorkersStatus, reads},
		{"/api/getNumBatches", s.getNumBatches, reads},
		{"/api/updateNumBatches", s.updateNumBatches, changesByGET},
		{"/api/getPartitions", s.getPartitions, reads},
		{"/api/updatePartitions", s.updatePartitions, changesByGET},
		{"/api/v1/overview", s.overview, reads},
		{"/api/v1/files", s.files, reads},
		{"/api/v1/files/:id", s.file, reads},
		{"/api/v1/files/:id/books", s.books, reads},
		{"/api/v1/workers", s.workers, reads},
		{"/api/v1/dead", of(deadChunks, s.listLetters), reads},
		{"/api/v1/dead/:file/:chunk", of(deadChunks, s.oneLetter), reads},
		{"/api/v1/dead/retry", of(deadChunks, s.retryLetters), changesByPOST},
		{"/api/v1/dead/discard", of(deadChunks, s.discardLetters), changesByPOST},
		{"/api/v1/failed", of(failedChunks, s.listLetters), reads},
		{"/api/v1/failed/:file/:chunk", of(failedChunks, s.oneLetter), reads},
		{"/api/v1/failed/retry", of(failedChunks, s.retryLetters), changesByPOST},
		{"/api/v1/failed/discard", of(failedChunks, s.discardLetters), changesByPOST},
		{"/metrics", gin.WrapH(s.metrics), reads},
		{pathLive, s.live, reads},
		{pathReady, s.ready, reads},
		{"/version", s.version, reads},
	}
}

// handler returns the chain of handlers for every request; the last one here is the
// first one that a request reaches.
func (s *Server) handler() http.Handler {
	var h http.Handler = s.routes()
	h = s.limitCalls(h)
	h = s.checkToken(h)
	h = s.checkHost(h)
	h = limitBody(h)
	h = headers(h)
	h = s.recoverPanic(h)
	return s.logCall(h)
}

func (s *Server) routes() *gin.Engine {
	if gin.Mode() == gin.DebugMode {
		// This is a global setting, but the only way to prevent gin from writing to stdout.
		gin.SetMode(gin.ReleaseMode)
	}
	e := gin.New()
	_ = e.SetTrustedProxies(nil) // nil cannot fail
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false // a redirect would bypass the handlers
	for _, r := range s.allRoutes() {
		s.add(e, r.path, r)
		if lower := strings.ToLower(r.path); lower != r.path {
			s.add(e, lower, r) // the earlier program ignored the case
		}
	}
	e.NoMethod(func(c *gin.Context) {
		text(c, http.StatusMethodNotAllowed, "This path answers "+c.Writer.Header().Get("Allow")+" only.")
	})
	e.NoRoute(s.notFound)
	return e
}

func (s *Server) add(e *gin.Engine, path string, r route) {
	switch r.changes {
	case changesByGET:
		e.GET(path, s.checkSite, r.handle)
	case changesByPOST:
		e.POST(path, s.checkSite, r.handle)
	default:
		e.GET(path, r.handle)
		e.HEAD(path, r.handle)
	}
}

func (s *Server) notFound(c *gin.Context) {
	var b strings.Builder
	b.WriteString("This path does not exist. The paths are:\n")
	for _, r := range s.allRoutes() {
		b.WriteString(r.path + "\n")
	}
	text(c, http.StatusNotFound, strings.TrimSuffix(b.String(), "\n"))
}

// text answers with a plain text and a newline at its end.
func text(c *gin.Context, status int, body string) {
	c.Data(status, typeText, []byte(body+"\n"))
}
