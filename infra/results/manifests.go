package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxLine bounds a line of a manifest. The longest one has 1,000 ranges of failed items
// and as many positions.
const maxLine = 256 << 10

// At is the place of a line: a manifest and the offset of the line in it.
type At struct {
	Manifest string // path
	Offset   int64
	Number   int // of the line in the manifest, from 1
}

// Manifests returns the paths of the manifests of a folder, in the order of their names.
func Manifests(root fs.FS, folder string) ([]string, error) {
	entries, err := fs.ReadDir(root, path.Join(folder, ManifestFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the manifests: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), Suffix) {
			names = append(names, path.Join(folder, ManifestFolder, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// ReadManifest passes each whole line from an offset on to use, with the error of a line
// that is damaged, which wraps ErrDamaged; an error of use ends the reading and is
// returned. A line that was cut off is left out, wherever it stands: its worker was
// killed, and reported nothing about it. next is the offset after the last line that has a
// line end.
func ReadManifest(root fs.FS, name string, from int64, use func(At, Line, error) error) (next int64, err error) {
	f, err := root.Open(name)
	if err != nil {
		return from, fmt.Errorf("read a manifest: %w", err)
	}
	defer f.Close()
	if err := skip(f, from); err != nil {
		return from, fmt.Errorf("read %s: %w", name, err)
	}
	in := bufio.NewReaderSize(f, 64<<10)
	next = from
	for number := 1; ; number++ {
		text, size, err := readLine(in)
		if err != nil && err != io.EOF {
			return next, fmt.Errorf("read %s: line %d: %w", name, number, err)
		}
		if size == 0 {
			return next, nil
		}
		l, whole, damage := ParseLine(text)
		if size > maxLine {
			whole, damage = true, fmt.Errorf("%w: it has %d bytes", ErrDamaged, size)
		}
		if whole {
			if err := use(At{name, next, number}, l, damage); err != nil {
				return next, err
			}
		}
		if err == io.EOF {
			return next, nil // it may still be written
		}
		next += size
	}
}

// skip moves a file that was just opened to an offset.
func skip(f fs.File, off int64) error {
	if off == 0 {
		return nil
	}
	if s, ok := f.(io.Seeker); ok {
		_, err := s.Seek(off, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, f, off)
	return err
}

// readLine returns the next line with its line end, if it has one, and its size. Of a line
// that is longer than maxLine only the beginning is returned.
func readLine(in *bufio.Reader) (line []byte, size int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if size += int64(len(part)); size <= maxLine {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, size, err
		}
	}
}
