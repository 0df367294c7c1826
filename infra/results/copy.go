package results

import (
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
)

// copied are the figures of a file that was copied.
type copied struct {
	bytes int64
	hash  string
}

// vouched returns the line that has these figures.
func (c copied) vouched(lines []Line) (Line, bool) {
	for _, l := range lines {
		if l.Bytes == c.bytes && l.Hash == c.hash {
			return l, true
		}
	}
	return Line{}, false
}

// copyInto appends a file to an output. A last line without a line end gets one.
func copyInto(root *os.Root, name string, out *output) (copied, error) {
	f, err := root.Open(name)
	if err != nil {
		return copied{}, err
	}
	defer f.Close()
	d := xxhash.New()
	n, err := io.Copy(io.MultiWriter(d, out), f)
	if err != nil {
		return copied{}, err
	}
	return copied{n, Hash(d.Sum64())}, out.endLine()
}
