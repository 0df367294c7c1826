package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// Asker answers the questions of the API. Ask blocks until there is an answer or ctx
// ends. The answer has the type that the question documents. Errors wrap one of those in
// package messages. Ask must be safe for concurrent use.
type Asker interface {
	Ask(ctx context.Context, q messages.Query) (any, error)
}

// The limits of a server. They leave enough room for a slow client, and close
// connections that are not used.
const (
	// MaxConnections bounds the open connections. One more takes the place of a
	// connection that waits for its client.
	MaxConnections = 512
	// MaxBody is the largest body of a request in bytes.
	MaxBody = 64 << 10

	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 15 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Config holds the settings of a server. Asker is required.
type Config struct {
	// Asker answers the questions of the API.
	Asker Asker
	// Token is the API token. Every call except for /livez, /readyz and the files of Page
	// must carry it as "Authorization: Bearer <token>". Empty means that everybody may call.
	Token string
	// AllowedHosts are the names and addresses, without ports, that are allowed in the
	// Host header of every call except for /livez and /readyz. They prevent web pages
	// from reaching a server on loopback by a foreign name that resolves to it (see
	// LoopbackHosts). Empty means no check.
	AllowedHosts []string
	// Advertise is the host:port at which other masters reach this one. Its host is
	// always allowed, and the calls that they forward are signed for it.
	Advertise string
	// ReadToken is a token for callers who may only read. Empty means none; it has no effect
	// without Token.
	ReadToken string
	// ReadOnly refuses every call that changes something.
	ReadOnly bool
	// Settings are those that this master was started with. The API shows them.
	Settings []Setting
	// ChunkTopic is the topic of the chunks, whose partitions can grow.
	ChunkTopic string
	// Version is the version that /version shows. Defaults to "devel".
	Version string
	// Results opens what can be downloaded of files. Nil means that this master has no results.
	Results Results
	// Page holds the files that are served at /, the start of which is index.html. Nil
	// serves none.
	Page fs.FS
	// Logger gets a line at level debug for each call, and panics at level error.
	// Defaults to none.
	Logger *slog.Logger
}

// LoopbackHosts returns the hosts to allow on a loopback address without a token.
func LoopbackHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// Server is the API of one master.
type Server struct {
	cfg             Config
	log             *slog.Logger
	http            *http.Server
	leader          *http.Transport // for calls that a standby forwards
	leaderStreams   *http.Transport // for streams that a standby passes on
	leaderDownloads *http.Transport // for downloads that it passes on
	signingKey      signingKey      // nil without a token
	linkKey         linkKey         // nil without a token
	health          health
	metrics         http.Handler // of /metrics
	api             huma.API     // operations below /api/v1
	document        []byte       // description of these
	hub             *eventHub
	streams         chan struct{} // has a value for each open stream
	downloads       downloads
}

// New returns a server that does not listen yet.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = "devel"
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, leader: leaderTransport(), leaderStreams: leaderTransport(), leaderDownloads: leaderTransport(), metrics: newMetrics(cfg.Asker, cfg.Logger),
		signingKey: newSigningKey(cfg.Token), linkKey: newLinkKey(cfg.Token), downloads: newDownloads(), health: health{asking: make(chan struct{}, 1)},
	}
	s.leaderDownloads.ResponseHeaderTimeout = openTimeout + messages.AskTimeout
	s.hub, s.streams = newEventHub(cfg.Asker), make(chan struct{}, maxStreams)
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
	s.http.RegisterOnShutdown(s.hub.close)
	return s
}

// Handler returns the API with its checks, without the limits on connections and times.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers calls until Shutdown, and closes the listener. It returns nil after
// Shutdown. It must be called only once.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(limit(l, MaxConnections))
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// Shutdown stops listening and waits for open calls. If ctx ends first, it closes their
// connections and returns an error.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.leader.CloseIdleConnections()
	defer s.leaderStreams.CloseIdleConnections()
	defer s.leaderDownloads.CloseIdleConnections()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down the API: %w", err), s.http.Close())
	}
	return nil
}
