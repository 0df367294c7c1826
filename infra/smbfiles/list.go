package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// listStep is the number of entries after which the context is checked. The library reads
// 1 MiB of entries at once, about 8,000.
const listStep = 8192

// List returns the regular files directly in the folder whose names end with ".txt" in
// upper or lower case, sorted by path. It omits names that begin with "." or "~", which copy
// tools use for incomplete files, and links and names that cannot be used, for which it logs
// a warning once. Sizes and times are those of the listing; there is no request for each
// file. A missing folder is an error that wraps messages.ErrConfig.
func (f *Files) List(ctx context.Context) ([]messages.FileInfo, error) {
	return result(ctx, f, "list", func(c *connection) ([]messages.FileInfo, error) { return f.list(ctx, c) })
}

// Stamp returns the modification time of the folder itself.
func (f *Files) Stamp(ctx context.Context) (stamp time.Time, err error) {
	err = f.do(ctx, func(c *connection) error {
		info, err := c.stat(ctx, f.cfg.Folder)
		if err == nil {
			stamp = info.ModTime()
		}
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("stamp: %w", err)
	}
	return stamp, nil
}

func (f *Files) list(ctx context.Context, c *connection) ([]messages.FileInfo, error) {
	dir, err := f.openFolder(ctx, c)
	if err != nil {
		return nil, err
	}
	defer dir.close(ctx)
	var list []messages.FileInfo
	var ignored messages.Ignored
	for {
		entries, err := dir.readDir(ctx, listStep)
		for _, entry := range entries {
			if f.input(entry) {
				list = append(list, messages.FileInfo{Path: entry.Name(), Size: entry.Size(), ModTime: entry.ModTime()})
			} else {
				ignored.Add(entry.Name(), entry.IsDir())
			}
		}
		if errors.Is(err, io.EOF) || (err == nil && len(entries) == 0) {
			f.Listed(ignored)
			slices.SortFunc(list, func(a, b messages.FileInfo) int { return strings.Compare(a.Path, b.Path) })
			return list, nil
		}
		if err != nil {
			return nil, f.listError(ctx, c, err)
		}
	}
}

func (f *Files) openFolder(ctx context.Context, c *connection) (*handle, error) {
	dir, err := c.openPath(ctx, f.cfg.Folder)
	if err != nil {
		return nil, f.listError(ctx, c, err)
	}
	return dir, nil
}

// listError explains an error about the folder. Whether the folder is a file is checked only
// after an error.
func (f *Files) listError(ctx context.Context, c *connection, err error) error {
	if errors.Is(err, errAway) || errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
		return err
	}
	if info, e := c.stat(ctx, f.cfg.Folder); e == nil && !info.IsDir() {
		return notAFolder(f.cfg)
	}
	return noFolder(f.cfg, err)
}

// input reports whether an entry of the folder is an input file.
func (f *Files) input(entry fs.FileInfo) bool {
	name := entry.Name()
	if !messages.IsInputName(name) || entry.IsDir() {
		return false
	}
	if !usable(name) || strings.Contains(name, "/") {
		f.WarnOnce(name, "input file ignored: its name cannot be used over SMB, rename it")
		return false
	}
	// Windows marks links like this, but also deduplicated and archived files. Of these
	// only links have no bytes of their own. Samba shows the targets of links.
	if entry.Mode()&fs.ModeSymlink != 0 && entry.Size() == 0 {
		f.WarnOnce(name, "input file ignored: it is a link, replace it with the file")
		return false
	}
	return true
}
