package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"kafka-master/infra/inputfile"
	"kafka-master/messages"
)

// tries is the number of attempts of a call whose connection is lost.
const tries = 3

// Files is an input folder on an SMB share. It is safe for concurrent use. It is created by
// New and has to be closed.
//
// All calls share one connection, which the first call opens, and which is opened again
// after it was lost. An error wraps messages.ErrConfig if a person has to act. After a
// refused login there are pauses of 1 s to 60 s, during which calls return the same error.
type Files struct {
	*inputfile.Overlooked
	cfg       Config
	connector *connector
	log       *slog.Logger
	reader    *inputfile.Reader
}

// New returns the folder in cfg. It does not connect.
func New(cfg Config) (*Files, error) {
	c, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("smb files: %w: %w", messages.ErrConfig, err)
	}
	return &Files{
		Overlooked: inputfile.NewOverlooked(c.String(), c.Logger), cfg: c, connector: newConnector(c), log: c.Logger,
		reader: inputfile.NewReader(blockSize, c.ReadAhead, ReadAheadMax),
	}, nil
}

// Close ends the connection. Calls in progress and later calls return an error that wraps
// fs.ErrClosed. Close never fails.
func (f *Files) Close() error {
	f.connector.close()
	return nil
}

// Ping returns an error if the folder cannot be listed. The error has one sentence with the
// cause and the cure.
func (f *Files) Ping(ctx context.Context) error {
	return f.do(ctx, func(c *connection) error {
		dir, err := f.openFolder(ctx, c)
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

// do calls a function with a live connection, and again if the connection was lost
// meanwhile. It must be safe to repeat call.
func (f *Files) do(ctx context.Context, call func(*connection) error) error {
	for try := 1; ; try++ {
		c, err := f.connector.connection(ctx)
		if err != nil {
			return err
		}
		err = call(c)
		if !errors.Is(err, errAway) || try == tries || !f.sleep(ctx, time.Duration(try)*awayWaitMin) {
			return err
		}
	}
}

// result is do for a call with a result. It names the operation in an error.
func result[T any](ctx context.Context, f *Files, operation string, call func(*connection) (T, error)) (T, error) {
	var out, none T
	err := f.do(ctx, func(c *connection) (err error) {
		out, err = call(c)
		return err
	})
	if err != nil {
		return none, fmt.Errorf("%s: %w", operation, err)
	}
	return out, nil
}

// sleep waits and returns true, or false if ctx or f ended.
func (f *Files) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-f.connector.life.Done():
	}
	return false
}

// at returns the path of a file in the share.
func (f *Files) at(name string) string { return path.Join(f.cfg.Folder, name) }

// stat checks that the file is the version in want. It uses the path, since handles do not
// return the modification time, and servers update it only when nobody has the file open.
func (f *Files) stat(ctx context.Context, c *connection, want messages.FileInfo) error {
	info, err := c.stat(ctx, f.at(want.Path))
	if err != nil {
		return f.explain(ctx, c, want, err)
	}
	return check(want, info)
}

// open opens the file and checks that it is the version in want.
func (f *Files) open(ctx context.Context, c *connection, want messages.FileInfo) (*handle, error) {
	if !usable(want.Path) {
		return nil, fmt.Errorf("%w: %q is not a path below the folder", messages.ErrFileChanged, want.Path)
	}
	h, err := c.openPath(ctx, f.at(want.Path))
	if err != nil {
		return nil, f.explain(ctx, c, want, err)
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

// explain adds cause and cure to an error about a file. A missing file is gone only if the
// folder exists.
func (f *Files) explain(ctx context.Context, c *connection, want messages.FileInfo, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		switch folder, e := c.stat(ctx, f.cfg.Folder); {
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

// Fingerprint returns the XXH64 of the first and last 64 KiB of the file, or of the whole
// file if it is shorter than both together. It returns messages.ErrFileChanged if the file is
// not the version in want.
func (f *Files) Fingerprint(ctx context.Context, want messages.FileInfo) (uint64, error) {
	return result(ctx, f, "fingerprint", func(c *connection) (uint64, error) { return f.fingerprint(ctx, c, want) })
}

func (f *Files) fingerprint(ctx context.Context, c *connection, want messages.FileInfo) (uint64, error) {
	h, err := f.open(ctx, c, want)
	if err != nil {
		return 0, err
	}
	defer h.close(ctx)
	return inputfile.Fingerprint(ctx, want, h.readAt)
}
