package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"kafka-master/messages"
)

// Ready reports whether no other SMB client has the file open, and so none still writes it.
// It renames the file to its own name, which a server allows only if no other client has
// the file open, even for reading. It does not detect programs that write on the server
// itself. If the user may not rename files, which is logged once, every file counts as
// ready. Callers therefore have to check size and time too. Ready returns
// messages.ErrFileChanged if the file is not the version in want.
func (f *Files) Ready(ctx context.Context, want messages.FileInfo) (ready bool, err error) {
	return result(ctx, f, "ready", func(c *connection) (bool, error) { return f.ready(ctx, c, want) })
}

func (f *Files) ready(ctx context.Context, c *connection, want messages.FileInfo) (bool, error) {
	if !usable(want.Path) {
		return false, fmt.Errorf("%w: %q is not a path below the folder", messages.ErrFileChanged, want.Path)
	}
	path := f.at(want.Path)
	switch err := c.rename(ctx, path, path); {
	case errors.Is(err, statusSharingViolation):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		f.WarnOnce(messages.ArchiveFolder+"/", "files on this share may not be renamed, so it is not known whether another program still writes them: "+
			"write files under another name and rename them when they are complete, or give the user the right to write")
	case err != nil:
		return false, f.explain(ctx, c, want, err)
	}
	if err := f.stat(ctx, c, want); err != nil { // the server sets the time when a writer closes the file
		return false, err
	}
	return true, nil
}
