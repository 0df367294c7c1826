package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// maxProblem is how much of a problem is shown, in characters.
const maxProblem = 300

// live says that the process answers; it asks nobody.
func (s *Server) live(c *gin.Context) { text(c, http.StatusOK, "ok") }

// ready says in one line whether the master can do its part, as leader or as
// standby: 200 or 503. With ?verbose every problem follows on a line of its own.
// Problems and the leader have addresses in them, which only callers with the token
// and a name of ours are told: probes are answered without.
func (s *Server) ready(c *gin.Context) {
	o, known := s.health.ask(c.Request.Context(), s.cfg.Asker)
	trusted := s.hasToken(c.Request) && s.hasHost(c.Request)
	status, body := http.StatusOK, fmt.Sprintf("ready: %s, term %d", o.Role, o.Term)
	if trusted && o.Role == "standby" && o.Leader.MasterID != "" {
		body += fmt.Sprintf(", leader %s at %s", clean(o.Leader.MasterID, 128), clean(o.Leader.API, 300))
	}
	why := "the master does not answer"
	if known {
		why = obstacle(o, trusted)
	}
	if why != "" {
		body, status = "not ready: "+why, http.StatusServiceUnavailable
		c.Header("Retry-After", retryAfter)
	}
	if _, verbose := c.GetQuery("verbose"); verbose && trusted {
		for _, p := range o.Problems {
			body += "\n" + problemLine(p)
		}
	}
	text(c, status, body)
}

// health shares one answer among the probes that come together.
type health struct {
	turn  chan struct{} // holds one while the master is asked
	at    time.Time
	known bool // the master answered
	o     messages.Overview
}

// healthFor is how long an answer is shared. It bounds what the master is asked
// however many probes come, and is shorter than any probe's interval.
const healthFor = 50 * time.Millisecond

// ask returns the overview that was published last; known is false when the master
// did not answer.
func (h *health) ask(ctx context.Context, asker Asker) (o messages.Overview, known bool) {
	h.turn <- struct{}{}
	defer func() { <-h.turn }()
	if !h.at.IsZero() && time.Since(h.at) < healthFor {
		return h.o, h.known
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), AskTimeout)
	defer cancel()
	answer, err := asker.Ask(ctx, messages.QueryHealth{})
	h.o, h.known = answer.(messages.Overview)
	h.known = h.known && err == nil
	h.at = time.Now()
	return h.o, h.known
}

// obstacle is what keeps a master from being ready, empty when nothing does.
func obstacle(o messages.Overview, trusted bool) string {
	for _, p := range o.Problems {
		switch {
		case !stops(p.Kind):
		case trusted:
			return problemLine(p)
		default:
			return clean(p.Part, 20) + ": " + clean(string(p.Kind), 40)
		}
	}
	if o.Role != "leader" && o.Role != "standby" {
		return "the master is " + clean(o.Role, 20)
	}
	return ""
}

// stops reports whether a master with such a problem cannot do its part. A missing
// input folder, missing workers or a badly set up topic do not: another master would
// not cure them.
func stops(kind messages.ProblemKind) bool {
	switch kind {
	case messages.ProblemKafka, messages.ProblemState, messages.ProblemDeployment, messages.ProblemMasterStuck:
		return true
	}
	return false
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
