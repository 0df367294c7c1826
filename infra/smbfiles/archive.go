package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kafka-master/messages"
)

// A file that another program has open is tried to be moved busyTries times, with
// busyWait between them.
const (
	busyTries = 10
	busyWait  = 100 * time.Millisecond
)

// Archive moves the file to the folder processed/ beside it, which is created if missing.
// It never replaces a file: if the name is taken, -2, -3 and so on is added before the
// extension. It returns messages.ErrFileChanged if the file is not the version in want.
// Archiving a file that was archived before succeeds, so an interrupted Archive can be
// repeated. A file that another program has open cannot be moved, which is an error after a
// second.
func (f *Files) Archive(ctx context.Context, want messages.FileInfo) error {
	err := f.do(ctx, func(c *connection) error { return f.archive(ctx, c, want) })
	if errors.Is(err, fs.ErrPermission) && !errors.Is(err, messages.ErrConfig) {
		return fmt.Errorf("archive: %w: files in %s may not be moved: give user %s the right to write there, or set ARCHIVE=false: %w",
			messages.ErrConfig, f.cfg, f.cfg.User, err)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (f *Files) archive(ctx context.Context, c *connection, want messages.FileInfo) error {
	if !usable(want.Path) {
		return fmt.Errorf("%w: %q is not a path below the folder", messages.ErrFileChanged, want.Path)
	}
	info, err := c.stat(ctx, f.at(want.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return f.archivedBefore(ctx, c, want, err)
	}
	if err != nil {
		return f.explain(ctx, c, want, err)
	}
	if err := check(want, info); err != nil {
		return err
	}
	if err := c.mkdir(ctx, f.at(messages.ArchiveOf(want.Path))); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		err := f.move(ctx, c, want.Path, messages.ArchiveName(want.Path, n))
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist):
			if _, e := c.stat(ctx, f.at(want.Path)); e == nil {
				return fmt.Errorf("%w: %s is not a folder: move it away", messages.ErrConfig, f.at(messages.ArchiveOf(want.Path)))
			}
			return f.archivedBefore(ctx, c, want, err)
		}
		return err
	}
	return fmt.Errorf("%s: %d names are taken in %s", want.Path, messages.MaxArchiveNames, messages.ArchiveOf(want.Path))
}

// move renames a file. If another program has it open, it tries again for a second.
func (f *Files) move(ctx context.Context, c *connection, from, to string) error {
	for try := 1; ; try++ {
		err := c.rename(ctx, f.at(from), f.at(to))
		if !errors.Is(err, statusSharingViolation) {
			return err
		}
		if try == busyTries || !f.sleep(ctx, busyWait) {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
}

// archivedBefore returns nil if the archive contains the version in want.
func (f *Files) archivedBefore(ctx context.Context, c *connection, want messages.FileInfo, gone error) error {
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		info, err := c.stat(ctx, f.at(messages.ArchiveName(want.Path, n)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		if check(want, info) == nil {
			return nil
		}
	}
	return f.explain(ctx, c, want, gone)
}
