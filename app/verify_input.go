package app

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"kafka-master/infra/localfiles"
	"kafka-master/infra/settings"
	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
)

// inputs opens input files for a check: in a local folder, or on the share of the
// settings.
type inputs struct {
	dir    string
	share  *smbfiles.Files // nil for a local folder
	newest map[string]int  // generation by path
}

// openInputs prepares the input folder. known are all versions of all files.
func openInputs(s settings.Settings, dir string, known []messages.Books) (inputs, error) {
	in := inputs{dir: dir, newest: map[string]int{}}
	for _, f := range known {
		in.newest[f.Info.Path] = max(in.newest[f.Info.Path], f.Generation)
	}
	if dir == "" && s.SMBHost == "" {
		in.dir = s.InputPath()
	}
	if in.dir != "" {
		return in, nil
	}
	var err error
	if in.share, err = newShare(s, 0, slog.New(slog.DiscardHandler)); err != nil {
		return in, fmt.Errorf("set up the share: %w", err)
	}
	return in, nil
}

func (in inputs) close() {
	if in.share != nil {
		in.share.Close()
	}
}

// opener returns what opens a version of a file. Its error wraps fs.ErrNotExist if the
// version is not there any more.
func (in inputs) opener(f messages.File) func(context.Context) (io.ReadCloser, error) {
	if in.share != nil {
		return func(ctx context.Context) (io.ReadCloser, error) { return in.fromShare(ctx, f) }
	}
	return func(ctx context.Context) (io.ReadCloser, error) { return in.fromFolder(ctx, f) }
}

// fromFolder opens a version in its place, unless a newer one is there, or among the
// archived files.
func (in inputs) fromFolder(ctx context.Context, f messages.File) (io.ReadCloser, error) {
	if f.Generation >= in.newest[f.Info.Path] {
		if file, err := os.Open(filepath.Join(in.dir, filepath.FromSlash(f.Info.Path))); err == nil {
			return file, nil
		}
	}
	files := localfiles.New(in.dir)
	for n := 1; n <= messages.MaxArchiveNames; n++ {
		info := f.Info
		info.Path = messages.ArchiveName(f.Info.Path, n)
		path := filepath.Join(in.dir, filepath.FromSlash(info.Path))
		stat, err := os.Stat(path)
		if err != nil {
			break
		}
		info.ModTime = stat.ModTime()
		if stat.Size() != f.Info.Size {
			continue
		}
		if sum, err := files.Fingerprint(ctx, info); err == nil && sum == f.Fingerprint {
			return os.Open(path)
		}
	}
	return nil, fmt.Errorf("%s has no %q, nor has its folder of archived files: %w", in.dir, f.Info.Path, fs.ErrNotExist)
}

// fromShare streams a version from the file server.
func (in inputs) fromShare(ctx context.Context, f messages.File) (io.ReadCloser, error) {
	list, err := in.share.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the share: %w", err)
	}
	i := slices.IndexFunc(list, func(x messages.FileInfo) bool { return x.Path == f.Info.Path })
	if i < 0 || f.Generation < in.newest[f.Info.Path] {
		return nil, fmt.Errorf("the share has no %q: %w", f.Info.Path, fs.ErrNotExist)
	}
	r, w := io.Pipe()
	go func() {
		w.CloseWithError(in.share.Stream(ctx, list[i], 0, list[i].Size, func(b []byte) error {
			_, err := w.Write(b)
			return err
		}))
	}()
	return r, nil
}
