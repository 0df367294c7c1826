package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kafka-master/messages"
)

// Case is one version of a file, with the places of what is to be compared.
type Case struct {
	Books messages.Books
	// Results is the folder of this version's results, which holds the manifests too. It
	// lies in the folder of all results.
	Results string
	// Open opens the input. Its error wraps fs.ErrNotExist when there is none.
	Open func(context.Context) (io.ReadCloser, error)
	// Sizes makes it a check of sizes and sums alone: it reads neither the input nor the
	// results.
	Sizes bool
}

// check is one check in progress.
type check struct {
	books    messages.Books
	folder   string
	entries  []entry
	results  map[string]found // by file name
	attempts map[key][]*entry // of this deployment
	retries  map[key][]key    // of each chunk, in their order; rounds that were given up may have none
	chosen   map[key][]*entry // attempts that a chunk may stand for, best first
	vouched  map[string]bool  // files of the folder that belong to an attempt
	pieces   []piece          // the file, in order
	unused   []piece          // chunks that found no place in it
	findings []finding
	doubts   []finding // findings if the books differ
	unknown  []string
	notes    []string

	torn, foreign, superseded, leftover int // what was skipped

	read, inputLines int64 // of the input
	inputRead        bool
	sizes            bool     // neither the input nor the results are read
	merged           bool     // the results are parts of the merged one
	instead          *os.File // that one
	summary          *summary // of the last merge, nil without one
	noResults        bool     // the folder of all results is not here
	fingerprint      uint64   // of the input
	rest             piece    // what follows the end of the input that the books know
	lacking          int      // parts of the file that only workers of other kinds know of

	recorded            int // done chunks with a result of ours
	items, failed, dead int64
	cancelled           int64
	output              int64
	retriedOutput       int64 // of retries alone
	digest              uint64
}

// Check compares the books, manifests, results and the input of a file. The error means
// that something could not be read at all.
func Check(ctx context.Context, x Case) (Report, error) {
	c := &check{books: x.Books, folder: x.Results, sizes: x.Sizes, results: map[string]found{}, chosen: map[key][]*entry{}, vouched: map[string]bool{}}
	if err := c.readResultsFolder(ctx); err != nil {
		return Report{}, err
	}
	c.choose()
	c.layOut()
	if err := c.findMerged(); err != nil {
		return Report{}, err
	}
	c.decideRounds()
	if err := c.readMerged(); err != nil {
		return Report{}, err
	}
	if err := c.openInput(ctx, x.Open); err != nil {
		return Report{}, err
	}
	c.checkPieces()
	c.checkInput()
	c.checkOrder()
	c.checkRest()
	c.checkSums()
	return c.report(), nil
}

func (c *check) readResultsFolder(ctx context.Context) error {
	if !c.books.HasEnded() {
		c.cannot("the file has not ended: %d chunks are open", c.open())
	}
	if _, err := os.Stat(filepath.Dir(c.folder)); errors.Is(err, fs.ErrNotExist) {
		c.noResults = true
		c.cannot("the folder of the results, %s, is not here", filepath.Dir(c.folder))
		return nil
	}
	return errors.Join(c.readManifests(ctx), c.readResults(ctx))
}

func (c *check) openInput(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) error {
	if c.sizes {
		return nil
	}
	if c.books.State == messages.FileChanged {
		c.cannot("the input changed while it was being processed, so that it is not what was cut")
		return nil
	}
	in, err := open(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.cannot("the input is gone: %v", err)
		return nil
	case err != nil:
		return fmt.Errorf("open the input: %w", err)
	}
	defer in.Close()
	return c.readInput(contextReader{ctx, in})
}

// contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
