package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// tries is how often a call that met a lost connection is made in all.
const tries = 3

// Files is an input folder on an SMB share. It is safe for concurrent use. Make
// it with New and close it.
//
// All calls share one connection, which is made by the first of them and again
// after it was lost. An error wraps messages.ErrConfig when a person has to
// change something; while that is a refused login, the server is asked at most
// every 1 s to 60 s and the same error is returned meanwhile.
type Files struct {
	cfg     Config
	link    *link
	log     *slog.Logger
	buffers sync.Pool     // *[]byte of blockSize
	reads   chan struct{} // a place for each read that may be in flight

	warned  sync.Map // names that a warning was logged for
	ignored atomic.Pointer[messages.Ignored]
}

// Ignored returns what the last whole listing left out.
func (f *Files) Ignored() messages.Ignored {
	if x := f.ignored.Load(); x != nil {
		return *x
	}
	return messages.Ignored{}
}

// New returns the folder that cfg names. It does not connect; Ping does.
func New(cfg Config) (*Files, error) {
	c, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("smb files: %w: %w", messages.ErrConfig, err)
	}
	f := &Files{
		cfg: c, link: newLink(c), log: c.Logger, reads: make(chan struct{}, ReadAheadMax),
		buffers: sync.Pool{New: func() any { b := make([]byte, blockSize); return &b }},
	}
	return f, nil
}

// Close ends the connection. Calls that are under way return an error that wraps
// fs.ErrClosed, as all later ones do. It never fails.
func (f *Files) Close() error {
	f.link.close()
	return nil
}

// Ping reports whether the folder can be listed: nil, or one sentence that says
// what is in the way and what to do about it.
func (f *Files) Ping(ctx context.Context) error {
	return f.do(ctx, func(s *session) error {
		dir, err := f.openFolder(ctx, s)
		if err != nil {
			return err
		}
		defer dir.close(ctx)
		info, err := dir.stat(ctx)
		if err == nil && !info.IsDir() {
			return notAFolder(f.cfg)
		}
		return err
	})
}

// do calls with a live session, again when the connection was lost meanwhile. So
// call must be able to stand being repeated.
func (f *Files) do(ctx context.Context, call func(*session) error) error {
	for try := 1; ; try++ {
		s, err := f.link.session(ctx)
		if err != nil {
			return err
		}
		err = call(s)
		if !errors.Is(err, errAway) || try == tries || !f.sleep(ctx, time.Duration(try)*awayWaitMin) {
			return err
		}
	}
}

// sleep reports whether it could: ctx and f did not end.
func (f *Files) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-f.link.life.Done():
	}
	return false
}

// at is a file's path on the share.
func (f *Files) at(name string) string { return path.Join(f.cfg.Folder, name) }

// stat looks at the version that want names, by its path: only a path tells the
// modification time, and only when nobody has the file open.
func (f *Files) stat(ctx context.Context, s *session, want messages.FileInfo) error {
	info, err := s.stat(ctx, f.at(want.Path))
	if err != nil {
		return f.explain(ctx, s, want, err)
	}
	return check(want, info)
}

// open opens the version that want names.
func (f *Files) open(ctx context.Context, s *session, want messages.FileInfo) (*handle, error) {
	if !usable(want.Path) {
		return nil, fmt.Errorf("%w: %q is no path below the folder", messages.ErrFileChanged, want.Path)
	}
	h, err := s.openPath(ctx, f.at(want.Path))
	if err != nil {
		return nil, f.explain(ctx, s, want, err)
	}
	info, err := h.stat(ctx)
	if err == nil {
		err = check(want, info)
	}
	if err != nil {
		h.close(ctx)
		return nil, err
	}
	return h, nil
}

// explain says what an error about a file means. That the file is gone is true
// only if its folder is there.
func (f *Files) explain(ctx context.Context, s *session, want messages.FileInfo, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		switch folder, e := s.stat(ctx, f.cfg.Folder); {
		case errors.Is(e, fs.ErrNotExist):
			return noFolder(f.cfg, e)
		case e != nil:
			return e
		case !folder.IsDir():
			return notAFolder(f.cfg)
		}
		return fmt.Errorf("%w: %s is gone", messages.ErrFileChanged, want.Path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: input file %s may not be read: give user %s the right to: %w",
			messages.ErrConfig, want.Path, f.cfg.User, err)
	}
	return err
}

// check returns messages.ErrFileChanged unless info shows the version want.
func check(want messages.FileInfo, info fs.FileInfo) error {
	if info.IsDir() {
		return fmt.Errorf("%w: %s is not a regular file", messages.ErrFileChanged, want.Path)
	}
	return want.Check(info.Size(), info.ModTime())
}

// Fingerprint returns the XXH64 of the file's first and last 64 KiB, of the
// whole file when it is shorter than both together. It returns
// messages.ErrFileChanged when the file is not the one that want names.
func (f *Files) Fingerprint(ctx context.Context, want messages.FileInfo) (sum uint64, err error) {
	err = f.do(ctx, func(s *session) (err error) {
		sum, err = f.fingerprint(ctx, s, want)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("fingerprint: %w", err)
	}
	return sum, nil
}

func (f *Files) fingerprint(ctx context.Context, s *session, want messages.FileInfo) (uint64, error) {
	h, err := f.open(ctx, s, want)
	if err != nil {
		return 0, err
	}
	defer h.close(ctx)
	b := make([]byte, min(want.Size, 2*messages.FingerprintEdge))
	if want.Size <= 2*messages.FingerprintEdge {
		err = h.readAt(ctx, b, 0)
	} else if err = h.readAt(ctx, b[:messages.FingerprintEdge], 0); err == nil {
		err = h.readAt(ctx, b[messages.FingerprintEdge:], want.Size-messages.FingerprintEdge)
	}
	if err != nil {
		return 0, endsEarly(want, err)
	}
	return xxhash.Sum64(b), nil
}
