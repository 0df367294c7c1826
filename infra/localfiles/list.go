package localfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kafka-master/messages"
)

// listStep is the number of names after which the context is checked.
const listStep = 512

// List returns the regular files directly in the folder whose names end with ".txt" in
// upper or lower case, sorted by path. It omits names that begin with "." or "~", which copy
// tools use for incomplete files, and symbolic links and names that are not UTF-8, for which
// it logs a warning once. A missing folder is an error that wraps messages.ErrConfig.
func (f *Files) List(ctx context.Context) ([]messages.FileInfo, error) {
	list, err := f.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return list, nil
}

func (f *Files) list(ctx context.Context) ([]messages.FileInfo, error) {
	root, err := f.openRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var list []messages.FileInfo
	var ignored messages.Ignored
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// ReadDir would ask some file systems for the type of each entry, which Lstat asks
		// for again.
		names, err := dir.Readdirnames(listStep)
		for _, name := range names {
			stat, err := root.Lstat(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // was removed meanwhile
			}
			if err != nil {
				return nil, err
			}
			if f.isInput(name, stat.Mode()) {
				list = append(list, messages.FileInfo{Path: name, Size: stat.Size(), ModTime: stat.ModTime()})
			} else {
				ignored.Add(name, stat.IsDir())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	f.Listed(ignored)
	slices.SortFunc(list, func(a, b messages.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// Stamp returns the modification time of the folder itself.
func (f *Files) Stamp(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, fmt.Errorf("stamp: %w", err)
	}
	info, err := os.Stat(f.root)
	if err != nil {
		return time.Time{}, fmt.Errorf("stamp: %w", err)
	}
	return info.ModTime(), nil
}

// isInput reports whether an entry of the folder is an input file.
func (f *Files) isInput(name string, mode fs.FileMode) bool {
	switch {
	case !messages.IsInputName(name):
		return false
	case !utf8.ValidString(name):
		f.WarnOnce(name, "input file ignored: its name is not UTF-8, rename it")
		return false
	case mode&fs.ModeSymlink != 0:
		f.WarnOnce(name, "input file ignored: it is a symbolic link, replace it with the file")
	}
	return mode.IsRegular()
}
