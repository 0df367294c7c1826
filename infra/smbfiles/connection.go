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
	connectTimeout = 10 * time.Second // of the TCP connection
	unsignedTries  = 20               // reads of one range that met an interim reply; 3 were seen at most
	// credits is the library's MaxCreditBalance. It counts up to two credits more
	// than the server gave: with its own default, 8 reads of 1 MiB right after the
	// opening made servers cut the session.
	credits = 1024
)

// session is one connection to the share. Its methods may be called by many
// goroutines. It ends by kill, never by the library's Logoff or Umount: those
// hang or panic while reads are in flight.
type session struct {
	conn    *guard
	share   *smb2.Share
	timeout time.Duration // of silence
	log     *slog.Logger

	// life is the library's context for everything, and ends with the session. A
	// request never has a context of its own: cancelling one leaks its handle on
	// the server.
	life context.Context
	end  context.CancelCauseFunc
	once sync.Once
}

// dial connects, logs in and opens the share.
func dial(ctx context.Context, c Config) (*session, error) {
	dialer := net.Dialer{Timeout: min(c.IOTimeout, connectTimeout)}
	conn, err := dialer.DialContext(ctx, "tcp", c.address())
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, cannotConnect(c, err)
	}
	s := &session{conn: newGuard(conn), timeout: c.IOTimeout, log: c.Logger}
	s.life, s.end = context.WithCancelCause(context.Background())
	if err := s.open(ctx, c); err != nil {
		s.kill(err) // the library leaves the TCP connection open
		return nil, err
	}
	return s, nil
}

func (s *session) open(ctx context.Context, c Config) error {
	domain, user := c.account()
	dialer := &smb2.Dialer{
		MaxCreditBalance: credits,
		Initiator:        &smb2.NTLMInitiator{User: user, Password: c.Password, Domain: domain},
	}
	var login *smb2.Session
	err := s.op(ctx, func() (err error) {
		login, err = dialer.DialContext(s.life, s.conn)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return cannotLogIn(c, err, s.conn.frames.Load() > 0)
	}
	err = s.op(ctx, func() error {
		share, err := login.WithContext(s.life).Mount(`\\` + c.Host + `\` + c.Share)
		if err != nil {
			return err
		}
		s.share = share.WithContext(s.life)
		// The first request to the share shows whether it is encrypted; what it
		// brings is no matter here.
		if _, err = s.share.Stat(""); !errors.Is(translate(err), errAway) {
			err = nil
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		return cannotMount(c, err)
	}
	return err
}

// kill ends the session. Whoever waits for an answer gets an error.
func (s *session) kill(cause error) {
	s.once.Do(func() {
		s.end(cause) // first, so that whoever the closing wakes finds the cause
		_ = s.conn.Close()
	})
}

// dead reports whether the session is of no use any more.
func (s *session) dead() bool { return s.life.Err() != nil || s.conn.ended.Load() }

// op calls the library. It returns at the latest when the server was silent for
// the timeout, or a moment after ctx has ended.
func (s *session) op(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.guarded(ctx, call)
	if errors.Is(err, errUnsigned) { // only a read can be sent again just so
		err = fmt.Errorf("%w: %w", errAway, err)
		s.kill(err)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// guarded is op that also calls when ctx has ended, for a moment at most.
func (s *session) guarded(ctx context.Context, call func() error) (err error) {
	w := startWatch(ctx, s)
	defer w.stop()
	defer func() {
		if p := recover(); p != nil {
			s.log.Warn("smb client failed on an answer of the server", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %w: %v", errAway, errHostile, p)
		}
		if errors.Is(err, errAway) {
			s.kill(err)
			err = s.because(err)
		}
	}()
	return translate(call())
}

// because puts the reason for the session's end in place of the library's words.
func (s *session) because(err error) error {
	if cause := context.Cause(s.life); cause != nil {
		return cause
	}
	return err
}

// translate makes the library's errors ours.
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
	case errors.As(err, &path): // says the path once more
		return translate(path.Err)
	case errors.As(err, &link):
		return translate(link.Err)
	case errors.As(err, &response):
		if s := status(response.Code); s.endsSession() {
			return fmt.Errorf("%w: %w", errAway, s)
		}
		return status(response.Code)
	case errors.As(err, &transport):
		if errors.Is(transport.Err, io.EOF) || errors.Is(transport.Err, io.ErrUnexpectedEOF) {
			// Without io.EOF in it: that would look like the end of a file.
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

// stat returns what is at a path below the share, "" being the share.
func (s *session) stat(ctx context.Context, path string) (info fs.FileInfo, err error) {
	err = s.op(ctx, func() (err error) {
		info, err = s.share.Stat(path)
		return err
	})
	return info, err
}

func (s *session) mkdir(ctx context.Context, path string) error {
	return s.op(ctx, func() error { return s.share.Mkdir(path, 0o777) })
}

// rename never replaces. It needs the file for itself alone.
func (s *session) rename(ctx context.Context, from, to string) error {
	return s.op(ctx, func() error { return s.share.Rename(from, to) })
}

// handle is an open file or folder. Close it.
type handle struct {
	s    *session
	file *smb2.File
}

// openPath opens a file or a folder for reading.
func (s *session) openPath(ctx context.Context, path string) (*handle, error) {
	h := &handle{s: s}
	err := s.op(ctx, func() (err error) {
		if h.file, err = s.share.Open(path); err == nil {
			// The library's finalizer asks the server; a server that hangs would
			// hold up all finalizers of the process. We close every handle.
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
	err = h.s.op(ctx, func() (err error) {
		info, err = h.file.Stat()
		return err
	})
	return info, err
}

// readDir returns the next entries of a folder, about n. It returns io.EOF when
// there are no more.
func (h *handle) readDir(ctx context.Context, n int) (entries []fs.FileInfo, err error) {
	err = h.s.op(ctx, func() (err error) {
		entries, err = h.file.Readdir(n)
		return err
	})
	if errors.Is(err, statusNoSuchFile) { // the empty root of a Windows drive
		err = io.EOF
	}
	return entries, err
}

// readAt fills b from off on. It returns io.EOF when the file ends before. It may
// be called by many goroutines at once.
func (h *handle) readAt(ctx context.Context, b []byte, off int64) error {
	for n, unsigned := 0, 0; n < len(b); {
		if err := ctx.Err(); err != nil {
			return err
		}
		var got int
		err := h.s.guarded(ctx, func() (err error) {
			got, err = h.file.ReadAt(b[n:], off+int64(n))
			return err
		})
		switch {
		case errors.Is(err, errUnsigned) && unsigned < unsignedTries:
			unsigned++
			continue
		case errors.Is(err, errUnsigned):
			err = fmt.Errorf("%w: %w, %d times", errAway, err, unsigned)
			h.s.kill(err)
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

// close gives the handle back, also when ctx has ended. It is in vain, and
// harmless, when the session is dead. A handle is closed once.
func (h *handle) close(ctx context.Context) {
	if h.s.dead() {
		return
	}
	err := h.s.guarded(ctx, h.file.Close)
	if err != nil && !errors.Is(err, errAway) {
		// The server would keep the file open, so nobody could rename it.
		h.s.kill(fmt.Errorf("%w: close: %w", errAway, err))
	}
}
