package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// retryAfter is what a 503 says in its Retry-After header, in seconds.
const retryAfter = "1"

// fail lets the leader answer what only it can, or answers with what a client may
// know of an error. Everything else, such as
// the texts of back ends, goes to the log.
func (s *Server) fail(c *gin.Context, err error) {
	var other *messages.NotLeader
	switch {
	case errors.As(err, &other) && s.forward(c, other.Leader):
	case errors.Is(err, messages.ErrShrink):
		text(c, http.StatusConflict, "Nothing changed: "+clean(err.Error(), 200)+".")
	case errors.Is(err, messages.ErrRange):
		text(c, http.StatusBadRequest, "Nothing changed: "+clean(err.Error(), 200)+".")
	case errors.Is(err, messages.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		s.log.Debug("API: Not available", "path", c.FullPath(), "err", err)
		c.Header("Retry-After", retryAfter)
		text(c, http.StatusServiceUnavailable, "Not available now; "+pathReady+"?verbose says why. Try again in a moment.")
	default:
		s.log.Error("API: Unexpected error", "path", c.FullPath(), "err", err)
		text(c, http.StatusInternalServerError, "Internal error; the log of the master says more.")
	}
}
