package actors

import (
	"bytes"
	"context"
	"fmt"

	"kafka-master/messages"
)

// simFiles is how one master sees the input folder. It passes the suite of the folders
// while nothing is broken.
type simFiles struct {
	w *simWorld
	p *simProcess
}

func (f simFiles) call(ctx context.Context, key string, do func() error) (err error) {
	f.w.driver.call(&simCall{process: f.p, ctx: ctx, key: key, do: func(cause error) {
		switch {
		case cause != nil:
			err = cause
		case f.w.folderAway:
			err = fmt.Errorf("read the folder: %w", errSimAway)
		default:
			err = do()
		}
	}})
	return err
}

// List implements Files.
func (f simFiles) List(ctx context.Context) (out []messages.FileInfo, err error) {
	err = f.call(ctx, "list", func() (err error) {
		out, err = f.w.folder.List(ctx)
		return err
	})
	return out, err
}

// Fingerprint implements Files.
func (f simFiles) Fingerprint(ctx context.Context, info messages.FileInfo) (sum uint64, err error) {
	err = f.call(ctx, "fingerprint "+info.Path, func() (err error) {
		sum, err = f.w.folder.Fingerprint(ctx, info)
		return err
	})
	return sum, err
}

// Stream implements Files. The bytes are those of the moment at which the call is
// answered; they are handed over in pieces, at each of which the file may turn
// out to be another one.
func (f simFiles) Stream(ctx context.Context, info messages.FileInfo, off, length int64, feed func([]byte) error) error {
	const piece = 512
	if off < 0 || length < 0 || off > info.Size-length {
		return fmt.Errorf("stream %s: %w", info.Path, messages.ErrRange)
	}
	for ended := false; !ended; {
		n := min(length, piece) // nothing at the end: is it the same file still?
		ended = n == 0
		var data []byte
		err := f.call(ctx, fmt.Sprintf("stream %s %d", info.Path, off), func() error {
			return f.w.folder.Stream(ctx, info, off, n, func(b []byte) error {
				data = bytes.Clone(b)
				return nil
			})
		})
		if err != nil {
			return err
		}
		if n > 0 {
			if err := feed(data); err != nil {
				return err
			}
		}
		off, length = off+n, length-n
	}
	return nil
}

// Archive implements Files.
func (f simFiles) Archive(ctx context.Context, info messages.FileInfo) error {
	return f.call(ctx, "archive "+info.Path, func() error { return f.w.folder.Archive(ctx, info) })
}
