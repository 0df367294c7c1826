package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"kafka-master/messages"
)

// Asker answers the API's questions. Ask blocks until there is an answer, of the
// type that the question's doc names, or ctx ends. Errors wrap one of those of
// package messages. It must be safe for concurrent use.
type Asker interface {
	Ask(ctx context.Context, q messages.Query) (any, error)
}

// The limits of a server. They leave a slow but honest client enough room, and
// end what only holds a connection.
const (
	// AskTimeout is how long a question may take before the answer is 503.
	AskTimeout = 3 * time.Second
	// MaxConnections is the most open connections. One more takes the place of one
	// that waits for its client.
	MaxConnections = 512
	// MaxBody is the most bytes of a request's body.
	MaxBody = 64 << 10
	// MaxBatchSize is the largest batch size that the API takes, in items.
	MaxBatchSize = 1_000_000
	// MaxPartitions is the largest partition count that the API takes.
	MaxPartitions = 10_000

	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 15 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Config is what a server needs. Asker is required.
type Config struct {
	// Asker answers the questions.
	Asker Asker
	// Token is what a call must carry as "Authorization: Bearer <token>", but for
	// /livez and /readyz. Empty means that everybody may call.
	Token string
	// AllowedHosts are the names and addresses, without ports, that the Host
	// header may have, but for /livez and /readyz. It keeps web pages from
	// reaching a server on loopback by a name of theirs that resolves to it (see
	// LoopbackHosts). Empty means no check.
	AllowedHosts []string
	// Advertise is the host:port at which other masters reach this one. Its host is
	// always allowed, and calls that they pass on are signed for it.
	Advertise string
	// Version is what /version says. Defaults to "devel".
	Version string
	// Logger gets one line for a call at level debug, and panics at level error.
	// Defaults to none.
	Logger *slog.Logger
}

// LoopbackHosts are the hosts to allow on a loopback address without a token.
func LoopbackHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// Server is the API of one master.
type Server struct {
	cfg  Config
	log  *slog.Logger
	http *http.Server
	// leader carries calls that a standby passes on.
	leader *http.Transport
	// passKey signs them; nil without a token.
	passKey passKey
	health  health
	// metrics answers a scrape.
	metrics http.Handler
}

// New returns a server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = "devel"
	}
	s := &Server{cfg: cfg, log: cfg.Logger, leader: leaderTransport(), metrics: newMetrics(cfg.Asker, cfg.Logger), passKey: newPassKey(cfg.Token), health: health{turn: make(chan struct{}, 1)}}
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       connContext,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	return s
}

// Handler returns the whole API, guards included, without the limits on
// connections and times.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers calls until Shutdown, and closes the listener. It may be called
// once. After Shutdown it returns nil.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(limit(l, MaxConnections))
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// Shutdown stops listening and waits for the calls in work. When ctx ends first
// their connections are cut, and the error says so.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.leader.CloseIdleConnections()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down the API: %w", err), s.http.Close())
	}
	return nil
}
