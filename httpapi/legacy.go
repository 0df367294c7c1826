package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
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

// answerWith answers a call with what a question returns, as show writes it, or with the error.
func answerWith[A any](s *Server, c *gin.Context, q messages.Query, show func(A)) {
	a, err := ask[A](c.Request.Context(), s, q)
	if err != nil {
		s.fail(c, err)
		return
	}
	show(a)
}

// fail answers a call that met an error. A question that only the leader can answer is
// forwarded to it.
func (s *Server) fail(c *gin.Context, err error) {
	var other *messages.NotLeader
	if errors.As(err, &other) && s.forward(c, other.Leader) {
		return
	}
	status, sentence := s.explain(c.FullPath(), err)
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest // as these endpoints have always answered
	}
	refuse(c.Writer, c.Request, status, sentence)
}

// getWorkersStatus answers {"<worker>":"1"}, with "1" for a worker with a free slot and
// "0" for any other. Workers that are lost or gone are omitted.
func (s *Server) getWorkersStatus(c *gin.Context) {
	answerWith(s, c, messages.QueryWorkers{}, func(workers []messages.WorkerStatus) { s.json(c, freeWorkers(workers)) })
}

func freeWorkers(workers []messages.WorkerStatus) map[messages.WorkerID]string {
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
	return status
}

// getNumBatches answers with the batch size as a bare number.
func (s *Server) getNumBatches(c *gin.Context) {
	answerWith(s, c, messages.QueryBatchSize{}, func(n int) { c.Data(http.StatusOK, typeHTML, []byte(strconv.Itoa(n))) })
}

// updateNumBatches sets the batch size to ?numBatches=N.
func (s *Server) updateNumBatches(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "numBatches", messages.MaxBatchSize)
	if err != nil {
		refuse(c.Writer, c.Request, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	answerWith(s, c, messages.SetBatchSize{Items: n, By: by(c.Request.Context())}, func(n int) {
		c.Data(http.StatusOK, typeHTML, fmt.Appendf(nil, "numBatches updated to %d. Assigner loop continues.", n))
	})
}

// getPartitions answers with the topics and their partition counts.
func (s *Server) getPartitions(c *gin.Context) { s.topics(c, messages.QueryTopics{}) }

// updatePartitions grows the chunk topic to ?value=N partitions and answers with all
// topics.
func (s *Server) updatePartitions(c *gin.Context) {
	n, err := count(c.Request.URL.RawQuery, "value", messages.MaxTopicPartitions)
	if err != nil {
		refuse(c.Writer, c.Request, http.StatusBadRequest, "Nothing changed: "+err.Error()+".")
		return
	}
	s.topics(c, messages.GrowPartitions{Partitions: n, By: by(c.Request.Context())})
}

// topics answers with the sorted topics, without those of the cluster itself.
func (s *Server) topics(c *gin.Context, q messages.Query) {
	answerWith(s, c, q, func(all []messages.Topic) { s.json(c, shownTopics(all)) })
}

func shownTopics(all []messages.Topic) []messages.Topic {
	shown := make([]messages.Topic, 0, len(all)) // becomes [] and not null when empty
	for _, t := range all {
		if !strings.HasPrefix(t.Name, "__") {
			shown = append(shown, t)
		}
	}
	slices.SortFunc(shown, func(a, b messages.Topic) int { return strings.Compare(a.Name, b.Name) })
	return shown
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
