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
	"strconv"
	"strings"
	"time"

	"kafka-master/infra/results"
)

// ResultFile is a result that is being written. It is not safe for concurrent
// use.
type ResultFile struct {
	results             Results
	figures             *results.Figures // of what was passed to Write
	root                *os.Root         // folder of all results
	file                *os.File
	buf                 *bufio.Writer
	folder, temp, final string // paths below root
	failed              string // path of the list of failed items
	chunk               Chunk
	created             time.Time
	items               itemLines
	exit                *int // exit status of the chunk's command, nil without one
	ended               bool
	failure             error // first error of Write
}

// open creates the temporary file and the missing folders.
func (f *ResultFile) open(name string, attempt int) error {
	temps := path.Join(f.folder, tempFolder)
	for _, folder := range []string{f.folder, temps} { // durable with the result
		if _, err := results.MakeFolder(f.root, folder); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(name))
	prefix := hex.EncodeToString(sum[:8]) + "-"
	removeStale(f.root, temps, prefix)
	// The random part separates two workers that run the same chunk.
	f.temp = path.Join(temps, prefix+"a"+strconv.Itoa(attempt)+"-"+rand.Text())
	var err error
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
	_, _ = f.figures.Write(p)
	if err != nil {
		f.Abort() // frees the space that the check in writeError needs
		f.failure = f.results.writeError(err, f.figures.Bytes())
	}
	return n, f.failure
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
