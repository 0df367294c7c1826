package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// summary is what a merge wrote about itself.
type summary struct {
	File       string          `json:"file"`
	Generation int             `json:"generation"`
	State      string          `json:"state"`
	Reason     string          `json:"reason"`
	Deployment string          `json:"deployment"`
	Size       int64           `json:"size"`
	Started    *time.Time      `json:"started_at"`
	Ended      *time.Time      `json:"ended_at"`
	Merged     time.Time       `json:"merged_at"`
	Partial    bool            `json:"partial"`
	Replaced   bool            `json:"replaced"`
	Items      summaryItems    `json:"items"`
	Chunks     summaryChunks   `json:"chunks"`
	Unrecorded int             `json:"unrecorded_results"`
	Result     *mergedFile     `json:"result"`
	List       *mergedFile     `json:"failed_list"`
	Lines      *mergedFile     `json:"failed_items"`
	Dead       json.RawMessage `json:"dead"`
	Cancelled  json.RawMessage `json:"cancelled,omitempty"`
	Workers    json.RawMessage `json:"workers"`
	Settings   json.RawMessage `json:"settings"`
	Digest     *string         `json:"digest"`
	Plan       string          `json:"plan"`
	Version    string          `json:"version"`
	Sum        string          `json:"sum"`
}

type (
	summaryItems  struct{ Cut, Done, Failed, Dead, Missing, Cancelled int64 }
	summaryChunks struct{ Done, Dead, Merged int64 }
	// mergedFile is a file that a merge wrote.
	mergedFile struct {
		Name  string `json:"name"`
		Lines int64  `json:"lines"`
		Bytes int64  `json:"bytes"`
		Hash  string `json:"hash"`
	}
)

// readSummary reads the summary of the last merge beside the folder. It returns nil if there
// is none that can be believed.
func (c *check) readSummary() (*summary, error) {
	text, err := os.ReadFile(c.folder + ".summary.json")
	if errors.Is(err, fs.ErrNotExist) {
		c.checkNoSummary()
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the summary of the merge: %w", err)
	}
	var s summary
	if err := s.parse(text); err != nil {
		c.findAll("the summary of the merge, %s, is damaged: %v", filepath.Base(c.folder)+".summary.json", err)
		return nil, nil
	}
	return &s, nil
}

// checkNoSummary reports merged files whose summary is missing. A merge of which nothing is
// here was taken away, or has not come so far.
func (c *check) checkNoSummary() {
	if c.books.Merged.IsZero() {
		return
	}
	for _, end := range []string{jsonl, failedSuffix, failedLines} {
		if _, err := os.Lstat(c.folder + end); err == nil {
			c.findAll("the summary of the merge is missing, and %s is here", filepath.Base(c.folder)+end)
			return
		}
	}
}

// findAll reports a finding about the whole file.
func (c *check) findAll(format string, args ...any) {
	c.find(resultDiffers, 0, c.books.Info.Size, format, args...)
}

// parse reads a summary with the sum of its bytes. Those of an earlier version have none, and
// no field that is not known here.
func (s *summary) parse(text []byte) error {
	if err := json.Unmarshal(text, s); err != nil {
		return err
	}
	if s.Sum == "" {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		return d.Decode(new(summary))
	}
	body, ok := bytes.CutSuffix(text, fmt.Appendf(nil, ",\n  \"sum\": %q\n}\n", s.Sum))
	if sum, isHash := parseHash(s.Sum); !ok || !isHash || sum != xxhash.Sum64(body) {
		return errors.New("its sum is not that of its bytes")
	}
	return nil
}

// isOf reports whether the summary is about the file as it is in the books.
func (s *summary) isOf(c *check) bool {
	b := c.books
	whole := !s.Partial || b.State == messages.FileCancelled && s.Chunks.Merged == b.DoneChunks
	return s.Deployment == b.Deployment && max(1, s.Generation) == max(1, b.Generation) && whole && b.HasEnded() &&
		s.Ended != nil && s.Ended.Equal(b.Ended.Truncate(time.Millisecond))
}

// compareSummary compares the counts of a summary with the books.
func (c *check) compareSummary(s *summary) {
	b := c.books
	digest := fmt.Sprintf("%016x", b.Digest)
	switch {
	case s.Items != summaryItems{b.Items, b.DoneItems, b.FailedItems, b.DeadItems, b.Missing(), b.CancelledItems}:
		c.findAll("the summary of the merge has other numbers of items than the books: %+v", s.Items)
	case s.Chunks.Done != b.DoneChunks || s.Chunks.Dead != b.DeadChunks:
		c.findAll("the summary of the merge has other numbers of chunks than the books: %+v", s.Chunks)
	case b.DigestKnown() && s.Digest != nil && *s.Digest != digest:
		c.findAll("the summary of the merge has the digest %s, the books have %s", *s.Digest, digest)
	}
}
