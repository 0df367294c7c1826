package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// maxProblem is how much of a problem is shown, in characters.
const maxProblem = 300

// live says that the process answers; it asks nobody.
func (s *Server) live(c *gin.Context) { text(c, http.StatusOK, "ok") }

// ready says in one line whether the master can do its part, as leader or as
// standby: 200 or 503. With ?verbose every problem follows on a line of its own.
func (s *Server) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), AskTimeout)
	defer cancel()
	answer, err := s.cfg.Asker.Ask(ctx, messages.QueryHealth{})
	o, ok := answer.(messages.Overview)
	why := "the master does not answer"
	if err == nil && ok {
		why = obstacle(o)
	}
	body := fmt.Sprintf("ready: %s, term %d", o.Role, o.Term)
	if o.Role == "standby" && o.Leader.MasterID != "" {
		body += fmt.Sprintf(", leader %s at %s", clean(o.Leader.MasterID, 128), clean(o.Leader.API, 300))
	}
	status := http.StatusOK
	if why != "" {
		body, status = "not ready: "+why, http.StatusServiceUnavailable
		c.Header("Retry-After", retryAfter)
	}
	if _, verbose := c.GetQuery("verbose"); verbose {
		for _, p := range o.Problems {
			body += "\n" + problemLine(p)
		}
	}
	text(c, status, body)
}

// obstacle is what keeps a master from being ready, empty when nothing does. A
// missing input folder or missing workers do not: another master would not cure
// them.
func obstacle(o messages.Overview) string {
	for _, p := range o.Problems {
		if p.Part == "kafka" || p.Part == "state" || p.Kind == messages.ProblemDeaf {
			return problemLine(p)
		}
	}
	if o.Role != "leader" && o.Role != "standby" {
		return "the master is " + clean(o.Role, 20)
	}
	return ""
}

func problemLine(p messages.Problem) string {
	return clean(p.Part, 20) + ": " + clean(strings.TrimSpace(p.Text), maxProblem)
}

// version says what runs.
func (s *Server) version(c *gin.Context) {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision"` // of the source, empty when it is not known
		Modified bool   `json:"modified"` // the source differed from the revision
		Go       string `json:"go"`
	}{Version: s.cfg.Version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, x := range info.Settings {
			switch x.Key {
			case "vcs.revision":
				v.Revision = x.Value
			case "vcs.modified":
				v.Modified = x.Value == "true"
			}
		}
	}
	s.json(c, v)
}
