package worker

import (
	"cmp"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"kafka-master/infra/results"
	"kafka-master/messages"
)

const (
	resultSuffix = results.Suffix
	failedSuffix = results.FailedListSuffix
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
//
// Below each file's folder, a manifest names every result with its figures, see package
// infra/results. Each process appends to one of its own.
type Results struct {
	// Dir is the path of the folder. It is created when it is missing.
	Dir string

	journal *results.Journal
	wait    time.Duration // for others that put results in place, 0 for the usual one
}

func (r Results) lockWait() time.Duration { return cmp.Or(r.wait, results.LockWait) }

// NewResults returns the folder for the results of one process. Results of it that are
// committed at the same time share syncs, which those of Results{Dir: dir} do not.
func NewResults(dir string) Results { return Results{Dir: dir, journal: &results.Journal{}} }

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
	f, err := r.create(chunk, folderOf(chunk), resultName(chunk))
	if err != nil {
		return nil, r.writeError(err, 0)
	}
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

func (r Results) create(chunk Chunk, folder, name string) (*ResultFile, error) {
	if err := makeFolder(r.Dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return nil, err
	}
	if r.journal == nil {
		r.journal = &results.Journal{}
	}
	f := &ResultFile{
		results: r, root: root, folder: folder, final: path.Join(folder, name+resultSuffix), failed: path.Join(folder, name+failedSuffix),
		chunk: chunk, figures: results.NewFigures(), created: time.Now(),
	}
	if err := f.open(name, chunk.Attempt); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}
