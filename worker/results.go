package worker

import (
	"bufio"
	"cmp"
	"crypto/rand"
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
	failedSuffix = ".failed.jsonl"
	tempFolder   = ".tmp" // below each folder with results, which keeps the search for stale files cheap
	staleAfter   = 24 * time.Hour
	bufferSize   = 16 << 10 // bytes; most results of small files are smaller
	maxName      = 230      // bytes of the longest chunk name that is used unchanged; a file name may have 255
)

// Results is the folder with the results of all chunks: <Dir>/<folder>/<chunk>.jsonl,
// with one folder for each version of an input file, see messages.GenerationFolder. The
// items that failed are listed in <chunk>.failed.jsonl beside it, see Chunk.Fail. A result appears
// complete or not at all. A chunk that ran twice, here or on another worker with the
// same folder, leaves one result. Nothing is ever written outside of Dir, whatever the
// fields of a chunk are and whatever symbolic links Dir contains.
type Results struct {
	// Dir is the path of the folder. It is created when it is missing.
	Dir string
}

// Path returns the path of the chunk's committed result. It is always below Dir,
// whatever the fields of the chunk are.
func (r Results) Path(chunk Chunk) string {
	return filepath.Join(r.Dir, folderOf(chunk), resultName(chunk)+resultSuffix)
}

func folderOf(chunk Chunk) string { return messages.GenerationFolder(chunk.File, chunk.Generation) }

// resultName returns the chunk's name. The names of a master are valid file names;
// others are converted.
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

// Create creates a result. The caller writes it and then calls Commit or Abort. Errors
// of writing it wrap ErrRetry, since a full or missing disk is not the chunk's fault.
// When no result at all can be written, the error is Unfit.
func (r Results) Create(chunk Chunk) (*ResultFile, error) {
	name := resultName(chunk)
	f, err := r.create(folderOf(chunk), name, chunk.Attempt)
	if err != nil {
		return nil, r.writeError(err, 0)
	}
	f.chunk, f.failed = chunk, path.Join(f.folder, name+failedSuffix)
	return f, nil
}

// has reports whether the chunk's result exists.
func (r Results) has(chunk Chunk) bool {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Stat(path.Join(folderOf(chunk), resultName(chunk)+resultSuffix))
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
	size                int64    // number of bytes passed to Write
	root                *os.Root // folder of all results
	file                *os.File
	buf                 *bufio.Writer
	folder, temp, final string // paths below root
	failed              string // path of the list of failed items
	chunk               Chunk
	ended               bool
	failure             error // first error of Write
}

// open creates the temporary file and the missing folders.
func (f *ResultFile) open(name string, attempt int) error {
	temps := path.Join(f.folder, tempFolder)
	created, err := makeFolderIn(f.root, f.folder)
	if created {
		err = syncFolderIn(f.root, path.Dir(f.folder))
	}
	if err != nil {
		return err
	}
	if _, err := makeFolderIn(f.root, temps); err != nil { // durable with the result
		return err
	}
	sum := sha256.Sum256([]byte(name))
	prefix := hex.EncodeToString(sum[:8]) + "-"
	removeStale(f.root, temps, prefix)
	// The random part separates two workers that run the same chunk.
	f.temp = path.Join(temps, prefix+"a"+strconv.Itoa(attempt)+"-"+rand.Text())
	if f.file, err = f.root.OpenFile(f.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		return err
	}
	f.buf = bufio.NewWriterSize(f.file, bufferSize)
	return nil
}

// removeStale removes the files of crashed attempts at the same chunk. It ignores
// errors, since such files do no harm.
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

var errResultEnded = errors.New("result is already committed or aborted")

// Write implements io.Writer.
func (f *ResultFile) Write(p []byte) (int, error) {
	if f.failure != nil || f.ended {
		return 0, cmp.Or(f.failure, errResultEnded)
	}
	n, err := f.buf.Write(p)
	f.size += int64(len(p))
	if err != nil {
		f.Abort() // frees the space that the check in writeError needs
		f.failure = f.results.writeError(err, f.size)
	}
	return n, f.failure
}

// Commit moves the result to its path, durably. When it fails, there is no new result,
// or one that may not survive a power failure. The attempt must then not be reported
// as done.
func (f *ResultFile) Commit() error {
	if f.failure != nil || f.ended {
		return cmp.Or(f.failure, errResultEnded)
	}
	if err := f.commit(); err != nil {
		return f.results.writeError(err, f.size)
	}
	return nil
}

// commit is own code, since renameio puts its temporary file at the top of an
// os.Root, where removeStale would not find it, and does not sync the folder.
func (f *ResultFile) commit() error {
	if err := errors.Join(f.buf.Flush(), f.file.Sync()); err != nil {
		f.Abort()
		return err
	}
	f.ended = true
	defer f.root.Close()
	err := f.file.Close()
	if err == nil && f.failed != "" {
		err = f.placeFailedList()
	}
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

// Abort discards the result. It does nothing after Commit or a previous Abort, so it
// can be deferred.
func (f *ResultFile) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	_ = f.file.Close()
	_ = f.root.Remove(f.temp)
	_ = f.root.Close()
}
