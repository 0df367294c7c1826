package httpapi

import (
	"maps"
	"net/http"
	"slices"
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

// route is a path that is no operation of huma. It answers GET, and HEAD unless it changes
// something.
type route struct {
	path    string
	handle  gin.HandlerFunc
	changes bool
}

// plainRoutes returns the routes that are no operations of huma.
func (s *Server) plainRoutes() []route {
	return []route{
		{"/api/getWorkersStatus", s.getWorkersStatus, false},
		{"/api/getNumBatches", s.getNumBatches, false},
		{"/api/updateNumBatches", s.updateNumBatches, true},
		{"/api/getPartitions", s.getPartitions, false},
		{"/api/updatePartitions", s.updatePartitions, true},
		{pathDocument, func(c *gin.Context) { c.Data(http.StatusOK, "application/json", s.document) }, false},
		{"/metrics", gin.WrapH(s.metrics), false},
		{pathLive, s.live, false},
		{pathReady, s.ready, false},
		{"/version", s.version, false},
	}
}

// handler returns the chain of handlers for every request; the last one here is the
// first one that a request reaches.
func (s *Server) handler() http.Handler {
	var h http.Handler = s.routes()
	h = s.limitCalls(h)
	h = s.nameCaller(h)
	h = s.checkToken(h)
	h = s.servePage(h)
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
	e.UseRawPath, e.UnescapePathValues = true, false // ids of workers may have slashes; see workerInput
	e.RedirectTrailingSlash = false                  // a redirect would bypass the handlers
	for _, r := range s.plainRoutes() {
		s.add(e, r.path, r)
		if lower := strings.ToLower(r.path); lower != r.path {
			s.add(e, lower, r) // the earlier program ignored the case
		}
	}
	s.addOperations(e)
	e.GET(pathEvents, s.events)
	for _, kind := range downloadKinds {
		e.GET(pathV1+"/files/:id/"+kind.name, s.download)
		e.HEAD(pathV1+"/files/:id/"+kind.name, s.download)
	}
	e.NoMethod(func(c *gin.Context) {
		refuse(c.Writer, c.Request, http.StatusMethodNotAllowed, "This path answers "+c.Writer.Header().Get("Allow")+" only.")
	})
	e.NoRoute(s.notFound)
	return e
}

func (s *Server) add(e *gin.Engine, path string, r route) {
	if r.changes {
		e.GET(path, s.checkChange, r.handle)
		return
	}
	e.GET(path, r.handle)
	e.HEAD(path, r.handle)
}

func (s *Server) notFound(c *gin.Context) {
	if isV1(c.Request) {
		refuse(c.Writer, c.Request, http.StatusNotFound, "This path does not exist; "+pathDocument+" describes those that do.")
		return
	}
	paths := slices.Sorted(maps.Keys(s.api.OpenAPI().Paths))
	for _, r := range s.plainRoutes() {
		paths = append(paths, r.path)
	}
	refuse(c.Writer, c.Request, http.StatusNotFound, "This path does not exist. The paths are:\n"+strings.Join(paths, "\n"))
}

// text answers with a plain text and a newline at its end.
func text(c *gin.Context, status int, body string) {
	c.Data(status, typeText, []byte(body+"\n"))
}
