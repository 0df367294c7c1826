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
		entries, err := dir.ReadDir(listStep)
		for _, entry := range entries {
			info, ok, err := f.inspect(root, entry)
			if err != nil {
				return nil, err
			}
			if ok {
				list = append(list, info)
			} else {
				ignored.Add(entry.Name(), entry.IsDir())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	f.ignored.Store(&ignored)
	slices.SortFunc(list, func(a, b messages.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// inspect returns the file of an entry of the folder; ok is false if it is not an input file.
func (f *Files) inspect(root *os.Root, entry fs.DirEntry) (info messages.FileInfo, ok bool, err error) {
	name := entry.Name()
	if !messages.IsInputName(name) {
		return messages.FileInfo{}, false, nil
	}
	if !utf8.ValidString(name) {
		f.warnOnce(name, "input file ignored: its name is not UTF-8, rename it")
		return messages.FileInfo{}, false, nil
	}
	stat, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return messages.FileInfo{}, false, nil // was removed meanwhile
	}
	if err != nil {
		return messages.FileInfo{}, false, err
	}
	if stat.Mode()&fs.ModeSymlink != 0 {
		f.warnOnce(name, "input file ignored: it is a symbolic link, replace it with the file")
	}
	if !stat.Mode().IsRegular() {
		return messages.FileInfo{}, false, nil
	}
	return messages.FileInfo{Path: name, Size: stat.Size(), ModTime: stat.ModTime()}, true, nil
}

func (f *Files) warnOnce(name, text string) {
	if _, warned := f.warned.LoadOrStore(name, true); !warned {
		f.log.Warn(text, "folder", f.root, "name", fmt.Sprintf("%q", name))
	}
}
