package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// ask sends a question to the master and returns the answer. If that fails, it answers
// the call and ok is false.
func ask[A any](s *Server, c *gin.Context, q messages.Query) (answer A, ok bool) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), messages.AskTimeout)
	defer cancel()
	x, err := s.cfg.Asker.Ask(ctx, q)
	if err == nil {
		if answer, ok = x.(A); ok {
			return answer, true
		}
		err = fmt.Errorf("answer to %T is a %T", q, x)
	}
	s.fail(c, err)
	return answer, false
}

// getWorkersStatus answers {"<worker>":"1"}, with "1" for a worker with a free slot and
// "0" for any other. Workers that are lost or gone are omitted.
func (s *Server) getWorkersStatus(c *gin.Context) {
	workers, ok := ask[[]messages.WorkerStatus](s, c, messages.QueryWorkers{})
	if !ok {
		return
	}
	status := map[messages.WorkerID]string{}
	for _, w := range workers {
		switch w.State {
		case messages.WorkerLost, messages.WorkerGone:
		case messages.WorkerFree:
			status[w.ID] = "1"
		default:
			status[w.ID] = "0"
		}
	}
	s.json(c, status)
}

// getNumBatches answers with the batch size as a bare number.
func (s *Server) getNumBatches(c *gin.Context) {
	if n, ok := ask[int](s, c, messages.QueryBatchSize{}); ok {
		c.Data(http.StatusOK, typeHTML, []byte(strconv.Itoa(n)))
	}
}

// updateNumBatches sets the batch size to ?numBatches=N.
func (s *Server) updateNumBatches(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "numBatches", messages.MaxBatchSize)
	if err != nil {
		text(c, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	if n, ok := ask[int](s, c, messages.SetBatchSize{Items: n, By: s.caller(c.Request)}); ok {
		c.Data(http.StatusOK, typeHTML, fmt.Appendf(nil, "numBatches updated to %d. Assigner loop continues.", n))
	}
}

// getPartitions answers with the topics and their partition counts.
func (s *Server) getPartitions(c *gin.Context) { s.topics(c, messages.QueryTopics{}) }

// updatePartitions grows the chunk topic to ?value=N partitions and answers with all
// topics.
func (s *Server) updatePartitions(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "value", messages.MaxTopicPartitions)
	if err != nil {
		text(c, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	s.topics(c, messages.GrowPartitions{Partitions: n, By: s.caller(c.Request)})
}

// topics answers with the sorted topics, without those of the cluster itself.
func (s *Server) topics(c *gin.Context, q messages.Query) {
	all, ok := ask[[]messages.Topic](s, c, q)
	if !ok {
		return
	}
	shown := make([]messages.Topic, 0, len(all)) // becomes [] and not null when empty
	for _, t := range all {
		if !strings.HasPrefix(t.Name, "__") {
			shown = append(shown, t)
		}
	}
	slices.SortFunc(shown, func(a, b messages.Topic) int { return strings.Compare(a.Name, b.Name) })
	s.json(c, shown)
}

func (s *Server) json(c *gin.Context, x any) {
	body, err := json.Marshal(x)
	if err != nil {
		s.fail(c, fmt.Errorf("marshal the answer: %w", err))
		return
	}
	c.Data(http.StatusOK, typeJSON, escapeControls(body))
}

// escapeControls escapes characters that JSON allows in a string and a terminal
// interprets: DEL, C1 control characters, and marks that change the direction of
// writing. The JSON value stays the same.
func escapeControls(body []byte) []byte {
	if !bytes.ContainsFunc(body, isControl) {
		return body
	}
	out := make([]byte, 0, len(body)+64)
	for _, r := range string(body) {
		if isControl(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func isControl(r rune) bool {
	return r == 0x7f || r >= 0x80 && r < 0xa0 || r < 0x10000 && unicode.Is(unicode.Cf, r)
}
