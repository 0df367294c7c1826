package worker

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kafka-master/infra/failpoint"
	"kafka-master/messages"
)

const (
	resultSuffix = ".jsonl"
	tempFolder   = ".tmp" // beside the results, so that looking for old temporary files stays cheap
	staleAfter   = 24 * time.Hour
	maxName      = 230 // bytes of a chunk name that stays as it is; file names have 255
)

// Results are the result files of all chunks: <Dir>/<folder>/<chunk>.jsonl, with
// one folder for each file, see messages.ResultFolder. A file appears there whole
// or not at all, and a chunk that ran twice, here or on another worker with the
// same folder, leaves one file. Nothing is ever written outside of Dir, whatever
// a chunk says and whatever symbolic links lie in Dir.
type Results struct {
	// Dir is the results folder; it is made when it is missing.
	Dir string
}

// Path is where the chunk's result is once it was committed. It lies below Dir
// whatever the chunk says.
func (r Results) Path(chunk Chunk) string {
	return filepath.Join(r.Dir, messages.ResultFolder(chunk.File), resultName(chunk)+resultSuffix)
}

// resultName is the chunk's name, which the master made fit for a file name;
// names from elsewhere are made so here.
func resultName(chunk Chunk) string {
	name := chunk.Name
	if name == "" {
		name = messages.ResultName(chunk.BatchID)
	}
	safe := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}) < 0
	if safe && name != "" && len(name) <= maxName {
		return name
	}
	return messages.Base(name)
}

// Create begins a result. The caller writes it and ends with Commit or Abort.
// Errors of all three wrap ErrRetry: a full or missing disk says nothing about
// the chunk, which is tried again later. When no result at all can be written
// they are Unfit.
func (r Results) Create(chunk Chunk) (*ResultFile, error) {
	f, err := r.create(messages.ResultFolder(chunk.File), resultName(chunk), chunk.Attempt)
	if err != nil {
		return nil, r.writeError(err, 0)
	}
	return f, nil
}

// has reports whether the chunk's result is there.
func (r Results) has(chunk Chunk) bool {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Stat(path.Join(messages.ResultFolder(chunk.File), resultName(chunk)+resultSuffix))
	return err == nil && info.Mode().IsRegular()
}

func (r Results) create(folder, name string, attempt int) (*ResultFile, error) {
	if err := makeFolder(r.Dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return nil, err
	}
	f := &ResultFile{results: r, root: root, folder: folder, final: path.Join(folder, name+resultSuffix)}
	if err := f.open(name, attempt); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// ResultFile is a result that is being written. It is not safe for concurrent
// use.
type ResultFile struct {
	results             Results
	size                int64    // bytes that were to be written
	root                *os.Root // of all results
	file                *os.File
	buf                 *bufio.Writer
	folder, temp, final string // names below root
	ended               bool
	failure             error // of a write: it sticks
}

// open makes the temporary file, and the folders where they are missing.
func (f *ResultFile) open(name string, attempt int) error {
	temps := path.Join(f.folder, tempFolder)
	for _, folder := range []string{f.folder, temps} {
		if err := makeFolderIn(f.root, folder); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(name))
	prefix := hex.EncodeToString(sum[:8]) + "-"
	removeStale(f.root, temps, prefix)
	// The random part is what keeps two workers on one chunk apart.
	f.temp = path.Join(temps, prefix+"a"+strconv.Itoa(attempt)+"-"+randomHex(8))
	var err error
	if f.file, err = f.root.OpenFile(f.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		return err
	}
	f.buf = bufio.NewWriterSize(f.file, 64<<10)
	return nil
}

// removeStale removes what crashed attempts at the same chunk left behind.
// Failing to is no harm.
func removeStale(root *os.Root, temps, prefix string) {
	entries, err := fs.ReadDir(root.FS(), temps)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = root.Remove(path.Join(temps, e.Name()))
		}
	}
}

var errResultEnded = errors.New("result was committed or aborted before")

// Write adds to the result.
func (f *ResultFile) Write(p []byte) (int, error) {
	if f.failure != nil || f.ended {
		return 0, cmp.Or(f.failure, errResultEnded)
	}
	n, err := f.buf.Write(p)
	f.size += int64(len(p))
	if err != nil {
		f.Abort() // the room is needed to find out what is wrong
		f.failure = f.results.writeError(err, f.size)
	}
	return n, f.failure
}

// Commit puts the result in its place, durably. When it fails there is no new
// result, or one that may not survive a power cut; either way the attempt must
// not be reported as done.
func (f *ResultFile) Commit() error {
	if f.failure != nil || f.ended {
		return cmp.Or(f.failure, errResultEnded)
	}
	if err := f.commit(); err != nil {
		return f.results.writeError(err, f.size)
	}
	return nil
}

func (f *ResultFile) commit() error {
	if err := errors.Join(f.buf.Flush(), f.file.Sync()); err != nil {
		f.Abort()
		return err
	}
	f.ended = true
	defer f.root.Close()
	err := f.file.Close()
	if err == nil {
		failpoint.Pass("before a result is in place")
		err = f.root.Rename(f.temp, f.final)
		failpoint.Pass("after a result is in place")
	}
	if err != nil {
		_ = f.root.Remove(f.temp)
		return err
	}
	return syncFolderIn(f.root, f.folder)
}

// Abort throws the result away. After Commit, or a second time, it does
// nothing, so that it can be deferred.
func (f *ResultFile) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	_ = f.file.Close()
	_ = f.root.Remove(f.temp)
	_ = f.root.Close()
}
