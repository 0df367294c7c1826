package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// retryAfter is the Retry-After header of a 503, in seconds.
const retryAfter = "1"

// fail answers a call that met an error. A question that only the leader can answer is
// forwarded to it. The client gets no texts of other systems; those go to the log.
func (s *Server) fail(c *gin.Context, err error) {
	var other *messages.NotLeader
	switch {
	case errors.As(err, &other) && s.forward(c, other.Leader):
	case errors.Is(err, messages.ErrShrink):
		text(c, http.StatusConflict, "Nothing changed: "+messages.Clean(err.Error(), 200)+".")
	case errors.Is(err, messages.ErrRange):
		text(c, http.StatusBadRequest, "Nothing changed: "+messages.Clean(err.Error(), 200)+".")
	case errors.Is(err, messages.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		s.log.Debug("API call not answered: not available", "path", c.FullPath(), "err", err)
		c.Header("Retry-After", retryAfter)
		text(c, http.StatusServiceUnavailable, "Not available now; "+pathReady+"?verbose shows why. Try again in a moment.")
	default:
		s.log.Error("API call not answered: unexpected error", "path", c.FullPath(), "err", err)
		text(c, http.StatusInternalServerError, "Internal error; see the log of the master.")
	}
}
