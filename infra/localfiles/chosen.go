package localfiles

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"kafka-master/messages"
)

// Chosen is a list of files of any folders, under the names of the files. It stands for an
// input folder that holds these files and no others. It is created by Choose.
type Chosen struct{ files map[string]chosen }

// chosen is a file, as a name in a folder.
type chosen struct {
	*Files
	name string
}

// Choose returns the files at these paths. Symbolic links are followed now, and not any more
// later. Two files with one name, or a path that is not a regular file, are an error.
func Choose(paths []string) (*Chosen, error) {
	c := &Chosen{files: map[string]chosen{}}
	for _, path := range paths {
		name := filepath.Base(path)
		if _, taken := c.files[name]; taken {
			return nil, fmt.Errorf("two of the files are named %s: their results would have one name, too", name)
		}
		place, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err // it names the path
		}
		if info, err := os.Stat(place); err != nil {
			return nil, err
		} else if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", path)
		}
		c.files[name] = chosen{New(filepath.Dir(place)), filepath.Base(place)}
	}
	return c, nil
}

// List returns the files, sorted by name. One that is gone is left out.
func (c *Chosen) List(ctx context.Context) ([]messages.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var list []messages.FileInfo
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		f := c.files[name]
		info, err := os.Lstat(filepath.Join(f.root, f.name))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		list = append(list, messages.FileInfo{Path: name, Size: info.Size(), ModTime: info.ModTime()})
	}
	return list, nil
}

// find returns the file with a name, and what its own folder calls it.
func (c *Chosen) find(want messages.FileInfo) (*Files, messages.FileInfo, error) {
	f, ok := c.files[want.Path]
	if !ok {
		return nil, want, fmt.Errorf("%w: %s: %w", messages.ErrFileChanged, want.Path, fs.ErrNotExist)
	}
	want.Path = f.name
	return f.Files, want, nil
}

// Fingerprint is that of Files.
func (c *Chosen) Fingerprint(ctx context.Context, want messages.FileInfo) (uint64, error) {
	f, want, err := c.find(want)
	if err != nil {
		return 0, err
	}
	return f.Fingerprint(ctx, want)
}

// Stream is that of Files.
func (c *Chosen) Stream(ctx context.Context, want messages.FileInfo, off, length int64, feed func([]byte) error) error {
	f, want, err := c.find(want)
	if err != nil {
		return err
	}
	return f.Stream(ctx, want, off, length, feed)
}

// Archive is that of Files.
func (c *Chosen) Archive(ctx context.Context, want messages.FileInfo) error {
	f, want, err := c.find(want)
	if err != nil {
		return err
	}
	return f.Archive(ctx, want)
}
