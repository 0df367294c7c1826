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

// Archive moves the file to the folder processed/ beside it, which is made when
// missing. It never replaces a file: a taken name gets -2, -3 … before its
// extension. It returns messages.ErrFileChanged when the file is not the one
// that want names. Archiving a file that was archived already is a success, so
// an Archive that was broken off can be repeated. A file that another program
// has open cannot be moved: that is an error after a second.
func (f *Files) Archive(ctx context.Context, want messages.FileInfo) error {
	err := f.do(ctx, func(s *session) error { return f.archive(ctx, s, want) })
	if errors.Is(err, fs.ErrPermission) && !errors.Is(err, messages.ErrConfig) {
		return fmt.Errorf("archive: %w: files in %s may not be moved: give user %s the right to write there, or set ARCHIVE=false: %w",
			messages.ErrConfig, f.cfg, f.cfg.User, err)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (f *Files) archive(ctx context.Context, s *session, want messages.FileInfo) error {
	if !usable(want.Path) {
		return fmt.Errorf("%w: %q is no path below the folder", messages.ErrFileChanged, want.Path)
	}
	info, err := s.stat(ctx, f.at(want.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return f.archivedBefore(ctx, s, want, err)
	}
	if err != nil {
		return f.explain(ctx, s, want, err)
	}
	if err := check(want, info); err != nil {
		return err
	}
	if err := s.mkdir(ctx, f.at(messages.ArchiveOf(want.Path))); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		err := f.move(ctx, s, want.Path, messages.ArchiveName(want.Path, n))
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist):
			if _, e := s.stat(ctx, f.at(want.Path)); e == nil {
				return fmt.Errorf("%w: %s is no folder: move it away", messages.ErrConfig, f.at(messages.ArchiveOf(want.Path)))
			}
			return f.archivedBefore(ctx, s, want, err)
		}
		return err
	}
	return fmt.Errorf("%s: %d names are taken in %s", want.Path, messages.MaxArchiveNames, messages.ArchiveOf(want.Path))
}

// move renames, and waits a little for a reader that has just gone.
func (f *Files) move(ctx context.Context, s *session, from, to string) error {
	for try := 1; ; try++ {
		err := s.rename(ctx, f.at(from), f.at(to))
		if !errors.Is(err, statusSharingViolation) {
			return err
		}
		if try == busyTries || !f.sleep(ctx, busyWait) {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
}

// archivedBefore returns nil if the archive has the version that want names.
func (f *Files) archivedBefore(ctx context.Context, s *session, want messages.FileInfo, gone error) error {
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		info, err := s.stat(ctx, f.at(messages.ArchiveName(want.Path, n)))
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
	return f.explain(ctx, s, want, gone)
}
