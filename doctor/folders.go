package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kafka-master/messages"
)

// maxOpened is the number of input files that are opened to check that they can be read.
const maxOpened = 100

// Files is the input folder, local or on a share.
type Files interface {
	// List returns the input files. Its error contains the remedy.
	List(context.Context) ([]messages.FileInfo, error)
	// Fingerprint reads the beginning and the end of a file.
	Fingerprint(context.Context, messages.FileInfo) (uint64, error)
}

// Input checks the input folder. path is the name of the folder for a person.
func Input(f Files, path string) Check {
	return Check{Name: "input", Run: func(ctx context.Context) []Finding {
		list, err := f.List(ctx)
		if err != nil {
			return fail("%s", messageOf(err))
		}
		if len(list) == 0 {
			return warn("%s contains no *.txt file: put files there, "+
				"or correct CLIENT_DATA_PATH and INPUT_DIR if they are elsewhere", path)
		}
		var found []Finding
		for _, file := range list[:min(len(list), maxOpened)] {
			_, err := f.Fingerprint(ctx, file)
			if err != nil && !errors.Is(err, messages.ErrFileChanged) { // a changed file is still being written
				found = append(found, fail("%s: a file cannot be read: %s", path, messageOf(err))...)
				break // the other files probably have the same fault
			}
		}
		if len(found) > 0 {
			return found
		}
		var bytes int64
		for _, file := range list {
			bytes += file.Size
		}
		return ok("%s can be read, files: %d, bytes: %d", path, len(list), bytes)
	}}
}

// Folder checks that a local folder is writable. name is the name of the check, and
// setting the setting that contains the path. needed is false if only other processes
// write there. try performs all steps of the real work in a folder, with a test file. A
// missing folder is created when it is needed, so its nearest existing parent is checked.
func Folder(name, path, setting string, needed bool, try func(folder string) error) Check {
	return Check{Name: name, Run: func(context.Context) []Finding {
		folder, err := nearestFolder(path)
		if err == nil {
			err = try(folder)
		}
		switch {
		case err == nil:
			return ok("%s is writable", path)
		case !needed:
			return warn("%s is not writable for this process, which matters only if workers run here: "+
				"give this user write permission, or set %s: %v", path, setting, err)
		}
		return fail("%s is not writable: give this user (%d:%d) write permission, or set %s: %v", path, os.Getuid(), os.Getgid(), setting, err)
	}}
}

// nearestFolder returns the folder itself or its nearest existing parent.
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

// Writable returns an error if files cannot be created, written and synced in a folder.
func Writable(folder string) error {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}
