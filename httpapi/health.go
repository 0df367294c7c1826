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

const (
	maxProblem = 300 // characters of a problem that are shown
	maxCommand = 600 // characters of a command that are shown
)

// live answers that the process is alive, without asking the master.
func (s *Server) live(c *gin.Context) { text(c, http.StatusOK, "ok") }

// ready answers whether the master can do its work as leader or standby, with one line
// and status 200 or 503. With ?verbose each problem follows on a line of its own, and below
// it, indented, what can be done about it.
// Problems and the leader contain addresses, so they are shown only to callers with the
// token and an allowed host name.
func (s *Server) ready(c *gin.Context) {
	o, known := s.health.ask(c.Request.Context(), s.cfg.Asker)
	trusted := s.hasToken(c.Request) && s.hasHost(c.Request)
	status, body := http.StatusOK, fmt.Sprintf("ready: %s, term %d", o.Role, o.Term)
	if trusted && o.Role == "standby" && o.Leader.MasterID != "" {
		body += fmt.Sprintf(", leader %s at %s", messages.Clean(o.Leader.MasterID, 128), messages.Clean(o.Leader.API, 300))
	}
	why := "the master does not answer"
	if known {
		why = unreadyReason(o, trusted)
	}
	if why != "" {
		body, status = "not ready: "+why, http.StatusServiceUnavailable
		c.Header("Retry-After", retryAfter)
	}
	if _, verbose := c.GetQuery("verbose"); verbose && trusted {
		now := time.Now()
		for _, p := range o.Problems {
			body += "\n" + problemLine(p) + problemMark(p, now)
			for _, c := range p.Cures {
				body += "\n  " + cureLine(c)
			}
		}
	}
	text(c, status, body)
}

// health shares one answer of the master among probes that come at the same time.
type health struct {
	asking chan struct{} // full while a probe asks the master
	at     time.Time     // time of the answer
	known  bool          // the master has answered
	o      messages.Overview
}

// healthFor is the time for which an answer is shared. It bounds the questions to the
// master however many probes come, and is shorter than the interval of any prober.
const healthFor = 50 * time.Millisecond

// ask returns the overview that was published last; known is false if the master does
// not answer.
func (h *health) ask(ctx context.Context, asker Asker) (o messages.Overview, known bool) {
	h.asking <- struct{}{}
	defer func() { <-h.asking }()
	if !h.at.IsZero() && time.Since(h.at) < healthFor {
		return h.o, h.known
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), messages.AskTimeout)
	defer cancel()
	answer, err := asker.Ask(ctx, messages.QueryHealth{})
	h.o, h.known = answer.(messages.Overview)
	h.known = h.known && err == nil
	h.at = time.Now()
	return h.o, h.known
}

// unreadyReason returns why a master is not ready, or nothing when it is.
func unreadyReason(o messages.Overview, trusted bool) string {
	for _, p := range o.Problems {
		switch {
		case !blocksReadiness(p.Kind):
		case trusted:
			return problemLine(p)
		default:
			return messages.Clean(p.Part, 20) + ": " + messages.Clean(string(p.Kind), 40)
		}
	}
	if o.Role != "leader" && o.Role != "standby" {
		return "the master is " + messages.Clean(o.Role, 20)
	}
	return ""
}

// blocksReadiness reports whether a master with such a problem is not ready. A missing
// input folder, missing workers or wrong settings of a topic are not such problems, since
// another master would have them too.
func blocksReadiness(kind messages.ProblemKind) bool {
	switch kind {
	case messages.ProblemKafka, messages.ProblemState, messages.ProblemDeployment, messages.ProblemMasterStuck:
		return true
	}
	return false
}

func problemLine(p messages.Problem) string {
	return messages.Clean(p.Part, 20) + ": " + messages.Clean(strings.TrimSpace(p.Text), maxProblem)
}

// problemMark is how programs recognise a problem, and since when it lasts.
func problemMark(p messages.Problem, now time.Time) string {
	key := " (" + messages.Clean(string(p.Kind), 40)
	if !p.Since.IsZero() {
		key += fmt.Sprintf(", for %d s", int(max(0, now.Sub(p.Since)).Seconds()))
	}
	return key + ")"
}

// cureLine is what can be done about a problem, with the command to copy at its end.
func cureLine(c messages.Cure) string {
	if c.Command == "" {
		return messages.Clean(c.Text, maxProblem)
	}
	return messages.Clean(c.Text, maxProblem) + ": " + messages.Clean(c.Command, maxCommand)
}

// version answers with the version of the program.
func (s *Server) version(c *gin.Context) {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision"` // revision of the source, empty when not known
		Modified bool   `json:"modified"` // whether the source differed from the revision
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
