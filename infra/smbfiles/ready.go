package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"kafka-master/messages"
)

// Ready reports whether no other SMB client has the file open, so that nobody is
// still writing it. It asks by renaming the file to its own name, which a server
// grants only to who has the file alone; so another reader makes it false, too.
// Programs that write on the server itself stay unseen, and where the user may
// not rename, which is logged once, every file counts as ready: size and time
// have to be watched as well. It returns messages.ErrFileChanged when the file
// is not the one that want names.
func (f *Files) Ready(ctx context.Context, want messages.FileInfo) (ready bool, err error) {
	err = f.do(ctx, func(s *session) (err error) {
		ready, err = f.ready(ctx, s, want)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ready: %w", err)
	}
	return ready, nil
}

func (f *Files) ready(ctx context.Context, s *session, want messages.FileInfo) (bool, error) {
	if !usable(want.Path) {
		return false, fmt.Errorf("%w: %q is no path below the folder", messages.ErrFileChanged, want.Path)
	}
	path := f.at(want.Path)
	switch err := s.rename(ctx, path, path); {
	case errors.Is(err, statusSharingViolation):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		f.warnOnce(messages.ArchiveFolder+"/", "files may not be renamed on this share, so whether they are still open elsewhere "+
			"cannot be seen: write under another name and rename when complete, or let the user write there")
	case err != nil:
		return false, f.explain(ctx, s, want, err)
	}
	if err := f.stat(ctx, s, want); err != nil { // a writer's time is set when it closes
		return false, err
	}
	return true, nil
}
