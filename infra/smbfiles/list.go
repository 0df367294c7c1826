package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"kafka-master/messages"
)

// listStep is how many entries are taken over before the context is looked at.
// The library asks for 1 MiB of them at once, about 8,000.
const listStep = 8192

// List returns the regular files directly in the folder whose name ends with
// ".txt" in any case, sorted by path. Names that begin with "." or "~" are left
// out: copy tools use them for files that are not complete. So are links and
// names that cannot be used again, which is logged once a name. Sizes and times
// are those of the listing; nothing is asked for each file. A folder that is
// missing is an error that wraps messages.ErrConfig.
func (f *Files) List(ctx context.Context) (list []messages.FileInfo, err error) {
	err = f.do(ctx, func(s *session) (err error) {
		list, err = f.list(ctx, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	slices.SortFunc(list, func(a, b messages.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

func (f *Files) list(ctx context.Context, s *session) ([]messages.FileInfo, error) {
	dir, err := f.openFolder(ctx, s)
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
			f.ignored.Store(&ignored)
			return list, nil
		}
		if err != nil {
			return nil, f.listError(ctx, s, err)
		}
	}
}

func (f *Files) openFolder(ctx context.Context, s *session) (*handle, error) {
	dir, err := s.openPath(ctx, f.cfg.Folder)
	if err != nil {
		return nil, f.listError(ctx, s, err)
	}
	return dir, nil
}

// listError says what is wrong with the folder. That it is a file is found out
// only by what fails.
func (f *Files) listError(ctx context.Context, s *session, err error) error {
	if errors.Is(err, errAway) || errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
		return err
	}
	if info, e := s.stat(ctx, f.cfg.Folder); e == nil && !info.IsDir() {
		return notAFolder(f.cfg)
	}
	return noFolder(f.cfg, err)
}

// input reports whether a directory entry can be input.
func (f *Files) input(entry fs.FileInfo) bool {
	name := entry.Name()
	if !messages.IsInputName(name) || entry.IsDir() {
		return false
	}
	if !usable(name) || strings.Contains(name, "/") {
		f.warnOnce(name, "input file ignored: its name cannot be used over SMB, rename it")
		return false
	}
	// Windows marks links so, and files that it keeps deduplicated or archived
	// too. Only links have no bytes of their own; Samba shows what they lead to.
	if entry.Mode()&fs.ModeSymlink != 0 && entry.Size() == 0 {
		f.warnOnce(name, "input file ignored: it is a link, put the file itself there")
		return false
	}
	return true
}

func (f *Files) warnOnce(name, text string) {
	if _, warned := f.warned.LoadOrStore(name, true); !warned {
		f.log.Warn(text, "folder", f.cfg.String(), "name", fmt.Sprintf("%q", name))
	}
}
