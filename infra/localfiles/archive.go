package localfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"kafka-master/messages"
)

// Archive moves the file to the folder processed/ beside it, which is created if missing.
// It never replaces a file: if the name is taken, -2, -3 and so on is added before the
// extension. It returns messages.ErrFileChanged if the file is not the version in want.
// Archiving a file that was archived before succeeds, so an interrupted Archive can be
// repeated.
func (f *Files) Archive(ctx context.Context, want messages.FileInfo) error {
	err := f.archive(ctx, want)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("archive: %w: files in %s may not be moved: give this user the right to write there, or set ARCHIVE=false: %w",
			messages.ErrConfig, f.root, err)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (f *Files) archive(ctx context.Context, want messages.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := f.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	source, err := root.Lstat(want.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return archivedBefore(root, want)
	}
	if err != nil {
		return err
	}
	if !source.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", messages.ErrFileChanged, want.Path)
	}
	if err := want.Check(source.Size(), source.ModTime()); err != nil {
		return err
	}
	if err := root.Mkdir(messages.ArchiveOf(want.Path), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		done, err := move(root, want.Path, messages.ArchiveName(want.Path, n), source)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %d names are taken in %s", want.Path, messages.MaxArchiveNames, messages.ArchiveOf(want.Path))
}

// move renames the file if the new name is free. It creates a link and removes the old name,
// since a rename would replace a file that was created meanwhile.
func move(root *os.Root, from, to string, source fs.FileInfo) (done bool, err error) {
	taken, err := root.Lstat(to)
	if err == nil {
		if !os.SameFile(taken, source) {
			return false, nil
		}
		return true, root.Remove(from) // an interrupted Archive has created the link
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	err = root.Link(from, to)
	switch {
	case err == nil:
		return true, root.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return false, nil
	default: // a file system without hard links
		return true, root.Rename(from, to)
	}
}

// archivedBefore returns nil if the archive contains the version in want.
func archivedBefore(root *os.Root, want messages.FileInfo) error {
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		info, err := root.Lstat(messages.ArchiveName(want.Path, n))
		if err != nil {
			break
		}
		if want.Check(info.Size(), info.ModTime()) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is gone", messages.ErrFileChanged, want.Path)
}
