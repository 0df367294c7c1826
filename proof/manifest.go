package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

const (
	manifestFolder = ".manifest"
	jsonl          = ".jsonl"
	failedSuffix   = ".failed.jsonl"
	failedLines    = ".failed.txt"
)

// key names a chunk within one version of a file.
type key struct{ index, half, retry int }

// String names the chunk for people.
func (k key) String() string {
	s := strconv.Itoa(k.index)
	if k.half != 0 {
		s += fmt.Sprintf(", part %d", k.half)
	}
	if k.retry != 0 {
		s += fmt.Sprintf(", retry %d", k.retry)
	}
	return s
}

// name returns the name of the chunk's result, without its extension.
func (k key) name(base string, generation int) string {
	s := fmt.Sprintf("%s_chunk_%d", base, k.index)
	if k.half != 0 {
		s += fmt.Sprintf("_s%d", k.half)
	}
	if k.retry != 0 {
		s += fmt.Sprintf("_r%d", k.retry)
	}
	if generation > 1 {
		s += fmt.Sprintf("_g%d", generation)
	}
	return s
}

// entry is one line of a manifest: what a worker recorded about an attempt whose result
// it was about to put in place.
type entry struct {
	key
	offset, length    int64
	firstLine, items  int64
	failed            int64
	input, list       uint64 // hashes of the range and of the list of failed items
	result            content
	lines             int64    // of the result
	whole             bool     // a retry of all items of its chunk
	positions, told   [][2]int // items of the chunk that a retry ran; lines of the items
	ended             time.Time
	deployment, where string // where: manifest and line, for people
}

// content is what identifies the bytes of a file.
type content struct {
	size int64
	hash uint64
}

// line is the JSON of a manifest line.
type line struct {
	BatchID    string    `json:"batchId"`
	Index      int       `json:"index"`
	Half       int       `json:"half"`
	Retry      int       `json:"retry"`
	Positions  [][2]int  `json:"positions,omitempty"`
	Attempt    int       `json:"attempt"`
	Deployment string    `json:"deployment"`
	Generation int       `json:"generation"`
	Offset     int64     `json:"offset"`
	Length     int64     `json:"length"`
	FirstLine  int64     `json:"first_line"`
	Items      int64     `json:"items"`
	InputHash  string    `json:"input_hash"`
	Failed     int64     `json:"failed"`
	ItemLines  [][2]int  `json:"item_lines,omitempty"`
	Result     string    `json:"result"`
	Lines      int64     `json:"lines"`
	Bytes      int64     `json:"bytes"`
	Hash       string    `json:"hash"`
	ListHash   string    `json:"failed_list_hash"`
	Worker     string    `json:"worker"`
	Ended      time.Time `json:"ended"`
	Sum        string    `json:"sum"`
}

// readManifests returns the lines of all manifests of a folder. A line that was torn by
// the death of its worker is skipped: the chunk ran again. Damaged lines are findings.
func (c *check) readManifests(ctx context.Context) error {
	dir := filepath.Join(c.folder, manifestFolder)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the manifests: %w", err)
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), jsonl)
		if !ok || !f.Type().IsRegular() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return fmt.Errorf("read the manifests: %w", err)
		}
		c.readManifest(name, text)
	}
	return nil
}

func (c *check) readManifest(name string, text []byte) {
	number := 0
	for b := range bytes.Lines(text) {
		number++
		b = bytes.TrimSuffix(b, []byte{'\n'})
		where := fmt.Sprintf("line %d of the manifest %s", number, name+jsonl)
		switch {
		case len(b) == 0:
		case b[len(b)-1] != '}':
			c.torn++
		default:
			c.readLine(where, b)
		}
	}
}

func (c *check) readLine(where string, b []byte) {
	var l line
	err := json.Unmarshal(b, &l)
	if err == nil {
		err = l.check(b)
	}
	if err != nil {
		c.find(damaged, l.Offset, l.Offset+l.Length, "%s is damaged: %v", where, err)
		return
	}
	k := key{l.Index, l.Half, l.Retry}
	if name := k.name(c.books.Base, c.books.Generation); l.Result != name+jsonl || l.BatchID != attemptName(name, l.Attempt) {
		c.find(damaged, l.Offset, l.Offset+l.Length, "%s is about %s, which is no chunk of this version of the file", where, l.BatchID)
		return
	}
	e := entry{
		key: k, offset: l.Offset, length: l.Length, firstLine: l.FirstLine, items: l.Items,
		failed: l.Failed, whole: l.Retry > 0 && len(l.Positions) == 0, lines: l.Lines, result: content{size: l.Bytes}, ended: l.Ended, deployment: l.Deployment, where: where,
	}
	e.positions, e.told = l.Positions, l.ItemLines
	e.input, _ = parseHash(l.InputHash)
	e.result.hash, _ = parseHash(l.Hash)
	e.list, _ = parseHash(l.ListHash)
	c.entries = append(c.entries, e)
}

// attemptName is the batch id of an attempt at the chunk of that name.
func attemptName(name string, attempt int) string {
	if attempt > 1 {
		name += fmt.Sprintf("_a%d", attempt)
	}
	return name
}

// check reports what is wrong with a line that has these bytes.
func (l line) check(b []byte) error {
	at := bytes.LastIndex(b, []byte(`,"sum":"`))
	if at < 0 {
		return errors.New("it has no sum")
	}
	if sum, ok := parseHash(l.Sum); !ok || sum != xxhash.Sum64(b[:at]) {
		return errors.New("its sum is not that of its bytes")
	}
	for _, h := range []string{l.InputHash, l.Hash} {
		if _, ok := parseHash(h); !ok {
			return fmt.Errorf("%.32q is no hash", h)
		}
	}
	if l.Offset < 0 || l.Length <= 0 || l.Items <= 0 || l.Items > messages.MaxBatchSize || l.Failed < 0 || l.Failed > l.Items || l.Lines < 0 || l.Bytes < 0 {
		return errors.New("its numbers are out of range")
	}
	return nil
}

// parseHash reads 16 hexadecimal digits.
func parseHash(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 16, 64)
	return n, err == nil && len(s) == 16
}
