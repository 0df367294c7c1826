package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kafka-master/messages"
)

// sample is how many input files are opened to see whether they can be read.
const maxOpened = 100

// Files is what is asked of the input folder, be it local or on a share.
type Files interface {
	// List returns the input files; its error says what to do.
	List(context.Context) ([]messages.FileInfo, error)
	// Fingerprint reads both ends of a file.
	Fingerprint(context.Context, messages.FileInfo) (uint64, error)
}

// Input looks at the input folder; path is its name for a person.
func Input(f Files, path string) Check {
	return Check{Name: "input", Run: func(ctx context.Context) []Finding {
		list, err := f.List(ctx)
		if err != nil {
			return fail("%s", messageOf(err))
		}
		if len(list) == 0 {
			return warn("%s can be listed and has no *.txt file: put files there, "+
				"or correct CLIENT_DATA_PATH and INPUT_DIR if they lie elsewhere", path)
		}
		var found []Finding
		for _, file := range list[:min(len(list), maxOpened)] {
			_, err := f.Fingerprint(ctx, file)
			if err != nil && !errors.Is(err, messages.ErrFileChanged) { // still being written
				found = append(found, fail("%s: a file cannot be read: %s", path, messageOf(err))...)
				break // the others are likely to be the same
			}
		}
		if len(found) > 0 {
			return found
		}
		var bytes int64
		for _, file := range list {
			bytes += file.Size
		}
		return ok("%s can be read, files: %d, bytes in all: %d", path, len(list), bytes)
	}}
}

// Folder looks at a folder of this machine that has to take files: path, what
// for, and the setting that names it. needed is false where only other processes
// write there. try does in a folder, with a file of its own, all that the work
// does there; a folder that is missing is made when it is needed, so the nearest
// one above it is tried.
func Folder(name, path, setting string, needed bool, try func(folder string) error) Check {
	return Check{Name: name, Run: func(context.Context) []Finding {
		folder, err := nearestFolder(path)
		if err == nil {
			err = try(folder)
		}
		switch {
		case err == nil:
			return ok("%s can be written", path)
		case !needed:
			return warn("%s cannot be written by this process, which matters only where workers run: "+
				"give this user the right to, or set %s: %v", path, setting, err)
		}
		return fail("%s cannot be written: give this user (%d:%d) the right to, or set %s: %v", path, os.Getuid(), os.Getgid(), setting, err)
	}}
}

// nearest is the folder itself, or the first one above it that is there.
func nearestFolder(path string) (string, error) {
	for {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path:
			path = filepath.Dir(path)
		case err != nil:
			return "", err
		case !info.IsDir():
			return "", &fs.PathError{Op: "write", Path: path, Err: errors.New("not a folder")}
		default:
			return path, nil
		}
	}
}

// Writable reports whether files can be made, written and synced in a folder.
func Writable(folder string) error {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}
