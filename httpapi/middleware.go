package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"kafka-master/messages"
)

// recorder records status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush sends what was written so far if the connection supports that.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logCall logs every call that is not a probe, at level debug. It omits headers and
// query, which may contain secrets.
func (s *Server) logCall(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		if isProbe(r) {
			return
		}
		s.log.Debug("API call", "method", messages.Clean(r.Method, 20), "path", messages.Clean(r.URL.Path, 200), "status", rec.status,
			"bytes", rec.bytes, "duration_s", time.Since(start).Seconds(), "client", r.RemoteAddr)
	})
}

// recoverPanic answers a call that panics with 500, and logs the stack.
func (s *Server) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			x := recover()
			if x == nil {
				return
			}
			if x == http.ErrAbortHandler {
				panic(x) // closes the connection
			}
			s.log.Error("API call panicked", "path", messages.Clean(r.URL.Path, 200), "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status == 0 {
				refuse(w, r, http.StatusInternalServerError, "Internal error; see the log of the master.")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// headers prevents browsers from guessing types, from storing answers, and from running
// anything in an answer.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds the body of a request, and reads that of one that changes something, so
// that a client that sends it slowly takes no place among the calls that run.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > MaxBody {
			w.Header().Set("Connection", "close") // do not read the rest
			refuse(w, r, http.StatusRequestEntityTooLarge, "The body of the request is too large.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		if changes(r.Method) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.Header().Set("Connection", "close")
				refuse(w, r, http.StatusRequestEntityTooLarge, "The body of the request is too large, or did not arrive.")
				return
			}
			r.Body = keptBody{bytes.NewReader(body), body}
		}
		next.ServeHTTP(w, r)
	})
}

// keptBody is the body of a request that was read, and stays known.
type keptBody struct {
	*bytes.Reader
	all []byte
}

// Close implements io.Closer.
func (keptBody) Close() error { return nil }

// sentBody returns the body of a request that changes something. It is nil for other methods.
func sentBody(r *http.Request) []byte {
	kept, _ := r.Body.(keptBody)
	return kept.all
}
