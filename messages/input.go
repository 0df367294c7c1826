package messages

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// ArchiveFolder is the name of the folder to which a finished file is moved. It lies
// beside the file.
const ArchiveFolder = "processed"

// MaxArchiveNames is the number of names that are tried for a file in its archive.
const MaxArchiveNames = 10_000

// FingerprintEdge is the number of bytes at each end of a file that its fingerprint covers.
const FingerprintEdge = 64 << 10

// IsInputName reports whether a file with that name can be input. Names of unfinished copies,
// which end with .part, .tmp or .filepart, do not end with .txt.
func IsInputName(name string) bool {
	const suffix = ".txt"
	if name == "" || name[0] == '.' || name[0] == '~' || len(name) < len(suffix) {
		return false
	}
	return strings.EqualFold(name[len(name)-len(suffix):], suffix)
}

// ArchiveOf returns the archive folder of a file.
func ArchiveOf(file string) string { return path.Join(path.Dir(file), ArchiveFolder) }

// ArchiveName returns the n-th name to try for a file in its archive, where n is 1 or more.
func ArchiveName(file string, n int) string {
	name := path.Base(file)
	if n > 1 {
		ext := path.Ext(name)
		name = name[:len(name)-len(ext)] + "-" + strconv.Itoa(n) + ext
	}
	return path.Join(ArchiveOf(file), name)
}

// Check returns ErrFileChanged unless size and modification time are those of f.
func (f FileInfo) Check(size int64, modified time.Time) error {
	if size == f.Size && modified.Equal(f.ModTime) {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes of %s, want %d bytes of %s", ErrFileChanged, f.Path,
		size, modified.UTC().Format(time.RFC3339Nano), f.Size, f.ModTime.UTC().Format(time.RFC3339Nano))
}
