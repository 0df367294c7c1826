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

// ask puts a question and returns the answer; ok is false when the error was
// answered already.
func ask[A any](s *Server, c *gin.Context, q messages.Query) (answer A, ok bool) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), AskTimeout)
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

// getWorkersStatus answers {"<worker>":"1"}: "1" when a slot is free, else "0".
// Workers that are lost or gone are left out.
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

// getNumBatches answers the bare batch size.
func (s *Server) getNumBatches(c *gin.Context) {
	if n, ok := ask[int](s, c, messages.QueryBatchSize{}); ok {
		c.Data(http.StatusOK, typeHTML, []byte(strconv.Itoa(n)))
	}
}

// updateNumBatches changes the batch size to ?numBatches=N.
func (s *Server) updateNumBatches(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "numBatches", MaxBatchSize)
	if err != nil {
		text(c, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	if n, ok := ask[int](s, c, messages.SetBatchSize{Items: n}); ok {
		c.Data(http.StatusOK, typeHTML, fmt.Appendf(nil, "numBatches updated to %d. Assigner loop continues.", n))
	}
}

// getPartitions answers the topics with their partition counts.
func (s *Server) getPartitions(c *gin.Context) { s.topics(c, messages.QueryTopics{}) }

// updatePartitions grows the chunk topic to ?value=N and answers all topics.
func (s *Server) updatePartitions(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "value", MaxPartitions)
	if err != nil {
		text(c, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	s.topics(c, messages.GrowPartitions{Partitions: n})
}

// topics answers sorted, without the cluster's own topics.
func (s *Server) topics(c *gin.Context, q messages.Query) {
	all, ok := ask[[]messages.Topic](s, c, q)
	if !ok {
		return
	}
	shown := make([]messages.Topic, 0, len(all)) // [] and not null when there is none
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
	c.Data(http.StatusOK, typeJSON, harmless(body))
}

// harmless escapes what JSON allows in a text and a terminal obeys: DEL, C1 control
// characters, and marks that turn the direction of writing. To a reader of JSON
// nothing changes.
func harmless(body []byte) []byte {
	if !bytes.ContainsFunc(body, obeyed) {
		return body
	}
	out := make([]byte, 0, len(body)+64)
	for _, r := range string(body) {
		if obeyed(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func obeyed(r rune) bool {
	return r == 0x7f || r >= 0x80 && r < 0xa0 || r < 0x10000 && unicode.Is(unicode.Cf, r)
}
