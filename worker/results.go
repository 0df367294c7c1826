package worker

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"kafka-master/messages"
)

const (
	resultSuffix = ".jsonl"
	tempFolder   = ".tmp" // beside the results, so that looking for old temporary files stays cheap
	staleAfter   = 24 * time.Hour
	maxName      = 230 // bytes of a chunk name that stays as it is; file names have 255
	fallback     = "_" // folder of chunks whose file name cannot be a folder
)

// Results are the result files of all chunks: <Dir>/<file>/<chunk>.jsonl. A
// file appears there whole or not at all, and a chunk that ran twice, here or
// on another worker with the same folder, leaves one file.
type Results struct {
	// Dir is the results folder; it is made when it is missing.
	Dir string
}

// Path is where the chunk's result is once it was committed. It lies below Dir
// whatever the chunk says.
func (r Results) Path(chunk Chunk) string {
	return filepath.Join(r.Dir, resultFolder(chunk.File), resultName(chunk)+resultSuffix)
}

func resultFolder(file string) string {
	for _, name := range []string{filepath.FromSlash(file), filepath.Base(filepath.FromSlash(file))} {
		if filepath.IsLocal(name) && filepath.Clean(name) != "." && !strings.ContainsRune(name, 0) {
			return name
		}
	}
	return fallback
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
// the chunk, which is tried again later.
func (r Results) Create(chunk Chunk) (*ResultFile, error) {
	final := r.Path(chunk)
	temps := filepath.Join(filepath.Dir(final), tempFolder)
	if err := makeFolder(temps); err != nil {
		return nil, fmt.Errorf("%w: result of %s: %w", ErrRetry, chunk.BatchID, err)
	}
	sum := sha256.Sum256([]byte(resultName(chunk)))
	prefix := hex.EncodeToString(sum[:8]) + "-"
	removeStale(temps, prefix)
	// The random part is what keeps two workers on one chunk apart.
	name := filepath.Join(temps, prefix+"a"+strconv.Itoa(chunk.Attempt)+"-"+randomHex(8))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%w: result of %s: %w", ErrRetry, chunk.BatchID, err)
	}
	return &ResultFile{file: f, buf: bufio.NewWriterSize(f, 64<<10), final: final}, nil
}

// removeStale removes what crashed attempts at the same chunk left behind.
// Failing to is no harm.
func removeStale(temps, prefix string) {
	entries, err := os.ReadDir(temps)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(temps, e.Name()))
		}
	}
}

// ResultFile is a result that is being written. It is not safe for concurrent
// use.
type ResultFile struct {
	file  *os.File
	buf   *bufio.Writer
	final string
	ended bool
}

var errResultEnded = errors.New("result was committed or aborted before")

// Write adds to the result.
func (f *ResultFile) Write(p []byte) (int, error) {
	if f.ended {
		return 0, errResultEnded
	}
	n, err := f.buf.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: write result: %w", ErrRetry, err)
	}
	return n, err
}

// Commit puts the result in its place, durably. When it fails there is no new
// result, or one that may not survive a power cut; either way the attempt must
// not be reported as done.
func (f *ResultFile) Commit() error {
	if f.ended {
		return errResultEnded
	}
	err := errors.Join(f.buf.Flush(), f.file.Sync())
	if err != nil {
		f.Abort()
		return fmt.Errorf("%w: commit result: %w", ErrRetry, err)
	}
	f.ended = true
	err = f.file.Close()
	if err == nil {
		err = os.Rename(f.file.Name(), f.final)
	}
	if err != nil {
		_ = os.Remove(f.file.Name())
		return fmt.Errorf("%w: commit result: %w", ErrRetry, err)
	}
	if err := syncFolder(filepath.Dir(f.final)); err != nil {
		return fmt.Errorf("%w: commit result: %w", ErrRetry, err)
	}
	return nil
}

// Abort throws the result away. After Commit, or a second time, it does
// nothing, so that it can be deferred.
func (f *ResultFile) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}

// makeFolder makes the folder and its parents, durably.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return nil // another worker was faster
		}
		return err
	}
	return syncFolder(parent)
}

func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
