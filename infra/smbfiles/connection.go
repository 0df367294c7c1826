package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/hirochachacha/go-smb2"
)

const (
	connectTimeout = 10 * time.Second // for the TCP connection
	unsignedTries  = 20               // attempts to read a range that get an interim reply; 3 were observed at most
	// credits is the library's MaxCreditBalance. The library counts up to two credits more
	// than the server granted: with its default, servers closed the session at 8 reads of
	// 1 MiB right after it was opened.
	credits = 1024
)

// connection is a TCP connection with an SMB session and a mounted share. Its methods may
// be called concurrently. It ends by kill, not by the library's Logoff or Umount, which hang
// or panic while reads are in flight.
type connection struct {
	conn    *frameFilter
	share   *smb2.Share
	timeout time.Duration // longest silence of the server
	log     *slog.Logger

	// life is the library's context for all requests, and ends with the connection.
	// Requests have no contexts of their own, since cancelling one leaks its handle on the
	// server.
	life context.Context
	end  context.CancelCauseFunc
	once sync.Once
}

// dial connects, logs in and opens the share.
func dial(ctx context.Context, cfg Config) (*connection, error) {
	dialer := net.Dialer{Timeout: min(cfg.IOTimeout, connectTimeout)}
	conn, err := dialer.DialContext(ctx, "tcp", cfg.address())
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, cannotConnect(cfg, err)
	}
	c := &connection{conn: newFrameFilter(conn), timeout: cfg.IOTimeout, log: cfg.Logger}
	c.life, c.end = context.WithCancelCause(context.Background())
	if err := c.open(ctx, cfg); err != nil {
		c.kill(err) // the library leaves the TCP connection open
		return nil, err
	}
	return c, nil
}

func (c *connection) open(ctx context.Context, cfg Config) error {
	domain, user := cfg.account()
	dialer := &smb2.Dialer{
		MaxCreditBalance: credits,
		Initiator:        &smb2.NTLMInitiator{User: user, Password: cfg.Password, Domain: domain},
	}
	var login *smb2.Session
	err := c.op(ctx, func() (err error) {
		login, err = dialer.DialContext(c.life, c.conn)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return cannotLogIn(cfg, err, c.conn.frames.Load() > 0)
	}
	err = c.op(ctx, func() error {
		share, err := login.WithContext(c.life).Mount(`\\` + cfg.Host + `\` + cfg.Share)
		if err != nil {
			return err
		}
		c.share = share.WithContext(c.life)
		// The first request to the share shows whether it is encrypted. Its result
		// does not matter here.
		if _, err = c.share.Stat(""); !errors.Is(translate(err), errAway) {
			err = nil
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		return cannotMount(cfg, err)
	}
	return err
}

// kill ends the connection. Calls that wait for an answer return an error.
func (c *connection) kill(cause error) {
	c.once.Do(func() {
		c.end(cause) // comes first, so that calls that the closing ends find the cause
		_ = c.conn.Close()
	})
}

// dead reports whether the connection cannot be used any more.
func (c *connection) dead() bool { return c.life.Err() != nil || c.conn.ended.Load() }

// op calls the library. It returns when the server was silent for the timeout, or a moment
// after ctx has ended, at the latest.
func (c *connection) op(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := c.watched(ctx, call)
	if errors.Is(err, errUnsigned) { // only reads can be repeated
		err = fmt.Errorf("%w: %w", errAway, err)
		c.kill(err)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// watched is like op, but calls the library even if ctx has ended, for a moment at most.
func (c *connection) watched(ctx context.Context, call func() error) (err error) {
	w := startWatchdog(ctx, c)
	defer w.stop()
	defer func() {
		if p := recover(); p != nil {
			c.log.Warn("smb client panicked on an answer of the server", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %w: %v", errAway, errHostile, p)
		}
		if errors.Is(err, errAway) {
			c.kill(err)
			err = c.endCause(err)
		}
	}()
	return translate(call())
}

// endCause returns the cause of the connection's end if it is known, instead of the error of
// the library.
func (c *connection) endCause(err error) error {
	if cause := context.Cause(c.life); cause != nil {
		return cause
	}
	return err
}

// translate turns errors of the library into our own.
func translate(err error) error {
	var (
		path      *fs.PathError
		link      *os.LinkError
		response  *smb2.ResponseError
		transport *smb2.TransportError
		ctx       *smb2.ContextError
		invalid   *smb2.InvalidResponseError
	)
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.As(err, &path): // contains the path a second time
		return translate(path.Err)
	case errors.As(err, &link):
		return translate(link.Err)
	case errors.As(err, &response):
		if c := status(response.Code); c.endsConnection() {
			return fmt.Errorf("%w: %w", errAway, c)
		}
		return status(response.Code)
	case errors.As(err, &transport):
		if errors.Is(transport.Err, io.EOF) || errors.Is(transport.Err, io.ErrUnexpectedEOF) {
			// The error must not wrap io.EOF, which would look like the end of a file.
			return fmt.Errorf("%w: it closed the connection", errAway)
		}
		return fmt.Errorf("%w: %w", errAway, transport.Err)
	case errors.As(err, &ctx):
		return fmt.Errorf("%w: %w", errAway, ctx.Err)
	case errors.As(err, &invalid):
		if strings.Contains(invalid.Message, "signing required") {
			return errUnsigned
		}
		return fmt.Errorf("%w: %w: %s", errAway, errHostile, invalid.Message)
	}
	return err
}

// stat describes the file or folder at a path in the share; "" is the share.
func (c *connection) stat(ctx context.Context, path string) (info fs.FileInfo, err error) {
	err = c.op(ctx, func() (err error) {
		info, err = c.share.Stat(path)
		return err
	})
	return info, err
}

func (c *connection) mkdir(ctx context.Context, path string) error {
	return c.op(ctx, func() error { return c.share.Mkdir(path, 0o777) })
}

// rename never replaces a file. It fails if another client has the file open.
func (c *connection) rename(ctx context.Context, from, to string) error {
	return c.op(ctx, func() error { return c.share.Rename(from, to) })
}

// handle is an open file or folder, which has to be closed.
type handle struct {
	c    *connection
	file *smb2.File
}

// openPath opens a file or a folder for reading.
func (c *connection) openPath(ctx context.Context, path string) (*handle, error) {
	h := &handle{c: c}
	err := c.op(ctx, func() (err error) {
		if h.file, err = c.share.Open(path); err == nil {
			// The library's finalizer calls the server, and a server that hangs would
			// block all finalizers of the process. Every handle is closed anyway.
			runtime.SetFinalizer(h.file, nil)
		}
		return err
	})
	if err != nil && h.file != nil {
		h.close(ctx)
	}
	return h, err
}

func (h *handle) stat(ctx context.Context) (info fs.FileInfo, err error) {
	err = h.c.op(ctx, func() (err error) {
		info, err = h.file.Stat()
		return err
	})
	return info, err
}

// readDir returns the next entries of a folder, about n of them, and io.EOF after the last
// one.
func (h *handle) readDir(ctx context.Context, n int) (entries []fs.FileInfo, err error) {
	err = h.c.op(ctx, func() (err error) {
		entries, err = h.file.Readdir(n)
		return err
	})
	if errors.Is(err, statusNoSuchFile) { // the empty root of a Windows drive
		err = io.EOF
	}
	return entries, err
}

// readAt fills b with the bytes at off. It returns io.EOF if the file ends before. It may be
// called concurrently.
func (h *handle) readAt(ctx context.Context, b []byte, off int64) error {
	for n, unsigned := 0, 0; n < len(b); {
		if err := ctx.Err(); err != nil {
			return err
		}
		var got int
		err := h.c.watched(ctx, func() (err error) {
			got, err = h.file.ReadAt(b[n:], off+int64(n))
			return err
		})
		switch {
		case errors.Is(err, errUnsigned) && unsigned < unsignedTries:
			unsigned++
			continue
		case errors.Is(err, errUnsigned):
			err = fmt.Errorf("%w: %w, %d times", errAway, err, unsigned)
			h.c.kill(err)
		case err == nil && got <= 0:
			err = io.EOF
		}
		if err != nil {
			return err
		}
		n += got
	}
	return nil
}

// close closes the handle, even if ctx has ended. On a dead connection it does nothing. It
// must be called only once.
func (h *handle) close(ctx context.Context) {
	if h.c.dead() {
		return
	}
	err := h.c.watched(ctx, h.file.Close)
	if err != nil && !errors.Is(err, errAway) {
		// The server would keep the file open, and nobody could rename it.
		h.c.kill(fmt.Errorf("%w: close: %w", errAway, err))
	}
}
