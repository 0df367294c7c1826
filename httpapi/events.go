package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// pathEvents is the stream of events, which is no operation of huma, since it does not end.
const pathEvents = pathV1 + "/events"

const (
	// maxStreams bounds the open streams of a master, those of its clients that it passes on
	// as well. They keep their connections (see limit), beside those of the calls.
	maxStreams = 64
	// keepAlive is the time after which a quiet stream gets a comment, so that client and
	// proxies see that it lives.
	keepAlive = 15 * time.Second
)

// helloBody begins a stream.
type helloBody struct {
	ID   string `json:"id"`   // place in the events at which it begins
	Role string `json:"role"` // "read" for a caller who may only read, else "api"
}

// eventsOperation describes the stream in the document.
func eventsOperation() *huma.Operation {
	return &huma.Operation{
		OperationID: "get-events", Method: http.MethodGet, Path: pathEvents, Summary: "Follow what changes, as server-sent events",
		Description: "The events are hello, overview, files, workers, gone, notice and stale. A client that sends the id of its last event as Last-Event-ID gets those that it has missed.",
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream that ends when the master does not lead any more.",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}, "422": problemResponse(http.StatusUnprocessableEntity), "503": problemResponse(http.StatusServiceUnavailable)},
	}
}

// problemResponse describes a refusal.
func problemResponse(status int) *huma.Response {
	return &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{typeProblem: {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}},
	}
}

// events streams what changes for as long as the client listens and this master leads. A
// standby passes on the stream of the leader.
func (s *Server) events(c *gin.Context) {
	if errs := queryErrors(&huma.Operation{}, c.Request.URL.RawQuery); len(errs) > 0 {
		refuse(c.Writer, c.Request, http.StatusUnprocessableEntity, "The stream of events takes no parameters.")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		refuse(c.Writer, c.Request, http.StatusServiceUnavailable, "Too many streams of events are open. Try again later.")
		return
	}
	o, err := ask[messages.Overview](c.Request.Context(), s, messages.QueryOverview{})
	if err == nil && o.Role != "leader" {
		err = fmt.Errorf("%w: the master is %s", messages.ErrUnavailable, o.Role)
		if o.Role == "standby" {
			err = &messages.NotLeader{Leader: o.Leader}
		}
	}
	var other *messages.NotLeader
	switch {
	case err == nil:
		s.stream(c)
	case errors.As(err, &other) && s.passStream(c, other.Leader):
	default:
		status, sentence := s.explain(pathEvents, err)
		refuse(c.Writer, c.Request, status, sentence)
	}
}

// stream writes events until the client leaves, or there are no more.
func (s *Server) stream(c *gin.Context) {
	leave := s.hub.join()
	defer leave()
	beginStream(c.Writer)
	out := eventWriter{w: patientWriter{c.Writer}}
	at, resumed := parsePlace(c.GetHeader("Last-Event-ID"))
	greeted := false
	for ctx := c.Request.Context(); ctx.Err() == nil && out.err == nil; {
		part := s.hub.since(at, !resumed)
		if !greeted && part.known {
			begin := at
			if !resumed || part.stale {
				begin = part.at
			}
			out.send(begin, "hello", helloBody{begin.String(), s.role(c.Request.Context())})
			greeted = true
		}
		if part.stale {
			out.send(part.at, "stale", struct{}{})
		}
		for _, e := range part.events {
			out.sendRaw(e.at, e.kind, e.data)
		}
		if part.ended {
			return
		}
		if part.known {
			at, resumed = part.at, true
		}
		out.wait(ctx, part.more)
	}
}

// beginStream sends the headers of a stream. The limits of the connection's times are those
// of calls that end soon; a stream has one for each write.
func beginStream(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not possible in some tests
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
	w.WriteHeader(http.StatusOK)
}

// patientWriter gives each write the time that the server gives to a whole answer.
type patientWriter struct{ http.ResponseWriter }

// Write implements http.ResponseWriter.
func (p patientWriter) Write(b []byte) (int, error) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (p patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// eventWriter writes events. After an error it writes nothing.
type eventWriter struct {
	w   http.ResponseWriter
	err error
}

func (o *eventWriter) send(at place, kind string, body any) {
	data, err := eventData(body)
	if err != nil {
		o.err = errors.Join(o.err, err)
		return
	}
	o.sendRaw(at, kind, data)
}

func (o *eventWriter) sendRaw(at place, kind string, data []byte) {
	o.write(fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", at, kind, data))
}

func (o *eventWriter) write(text []byte) {
	if o.err != nil {
		return
	}
	if _, o.err = o.w.Write(text); o.err == nil {
		o.err = http.NewResponseController(o.w).Flush()
	}
}

// wait returns when there is more, or the client has left. It writes a comment when that
// takes long.
func (o *eventWriter) wait(ctx context.Context, more <-chan struct{}) {
	quiet := time.NewTicker(keepAlive)
	defer quiet.Stop()
	for o.err == nil {
		select {
		case <-more:
			return
		case <-ctx.Done():
			return
		case <-quiet.C:
			o.write([]byte(":\n\n"))
		}
	}
}

// eventData encodes the data of an event. It is one line, as the format needs: JSON has no
// line ends.
func eventData(body any) ([]byte, error) {
	var b bytes.Buffer
	if err := marshal(&b, body); err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	return b.Bytes(), nil
}

// place is a position in the events of a leadership: the number of the last one before it.
type place struct{ term, seq uint64 }

// String returns the place as the id of an event.
func (p place) String() string {
	return strconv.FormatUint(p.term, 10) + "-" + strconv.FormatUint(p.seq, 10)
}

// parsePlace parses the id of an event. An empty one is no place. One that is not an id is a
// place that never was.
func parsePlace(id string) (p place, ok bool) {
	if id == "" {
		return p, false
	}
	term, seq, _ := strings.Cut(id, "-")
	var err, err2 error
	p.term, err = strconv.ParseUint(term, 10, 64)
	p.seq, err2 = strconv.ParseUint(seq, 10, 64)
	if err != nil || err2 != nil {
		return place{}, true
	}
	return p, true
}
