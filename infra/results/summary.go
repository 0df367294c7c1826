package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// summaryEnd ends the name of the summary of a merge.
const summaryEnd = ".summary.json"

// Summary describes a merge. It is the file <file>.summary.json.
type Summary struct {
	File       string        `json:"file"`
	Generation int           `json:"generation"`
	State      string        `json:"state"`
	Reason     string        `json:"reason,omitempty"`
	Deployment string        `json:"deployment"`
	Size       int64         `json:"size"` // of the file, in bytes
	Started    *time.Time    `json:"started_at"`
	Ended      *time.Time    `json:"ended_at"`
	Merged     time.Time     `json:"merged_at"`
	Partial    bool          `json:"partial"`  // made although the file had not ended or was cancelled, or results were missing
	Replaced   bool          `json:"replaced"` // the results of the chunks were removed, or are about to be
	Items      SummaryItems  `json:"items"`
	Chunks     SummaryChunks `json:"chunks"`
	// Unrecorded is the number of results that no manifest names: they were written by
	// workers of an earlier version or by others, and nothing vouches for them.
	Unrecorded  int               `json:"unrecorded_results"`
	Result      *MergedFile       `json:"result"`
	FailedList  *MergedFile       `json:"failed_list"`  // null without failed items
	FailedItems *MergedFile       `json:"failed_items"` // the items of that list, as lines
	DeadLines   []DeadLines       `json:"dead"`
	Cancelled   *Cancelled        `json:"cancelled,omitempty"` // null unless the file was cancelled
	Workers     []WorkerShare     `json:"workers"`
	Settings    map[string]string `json:"settings"`
	Digest      *string           `json:"digest"` // of the done chunks as the master counted them, null when it does not know
	Plan        string            `json:"plan"`   // hash of what was merged, in its order
	Version     string            `json:"version"`
}

// SummaryItems are the items of a file by how they ended.
type SummaryItems struct {
	Cut     int64 `json:"cut"`
	Done    int64 `json:"done"`
	Failed  int64 `json:"failed"`
	Dead    int64 `json:"dead"`
	Missing int64 `json:"missing"`
	// Cancelled items were cut and were not done when the file was cancelled.
	Cancelled int64 `json:"cancelled,omitempty"`
}

func itemsOf(f messages.File) SummaryItems {
	return SummaryItems{f.Items, f.DoneItems, f.FailedItems, f.DeadItems, f.Missing(), f.CancelledItems}
}

// SummaryChunks are the chunks of a file by how they ended.
type SummaryChunks struct {
	Done   int64 `json:"done"`
	Dead   int64 `json:"dead"`
	Merged int   `json:"merged"`
}

// MergedFile is a file that a merge wrote.
type MergedFile struct {
	Name  string `json:"name"`
	Lines int64  `json:"lines"`
	Bytes int64  `json:"bytes"`
	Hash  string `json:"hash"` // XXH64
}

// DeadLines are lines of the file that were given up, or cancelled.
type DeadLines struct {
	First  int64  `json:"first_line"`
	Last   int64  `json:"last_line"`
	Items  int    `json:"items"`
	Reason string `json:"reason"`
}

// Cancelled is what was not done of a file that was cancelled.
type Cancelled struct {
	Lines []DeadLines `json:"lines"` // of chunks
	Bytes int64       `json:"bytes"` // length of the range at the end that is in no chunk
}

// WorkerShare is what a worker did of a file.
type WorkerShare struct {
	Worker string `json:"worker"`
	Chunks int64  `json:"chunks"` // results, with those of retries
	Items  int64  `json:"items"`
	Failed int64  `json:"failed"`
}

// finish puts the merged files in place, and then the summary, which marks the merge as
// complete.
func (m Merge) finish(p *plan, out *outputs, sum string) (Summary, error) {
	if err := out.place(); err != nil {
		return Summary{}, err
	}
	s := m.summary(p, out, sum)
	if err := m.writeSummary(s); err != nil {
		return Summary{}, err
	}
	if err := removeIfThere(out.checkpoints); err != nil {
		return Summary{}, err
	}
	return s, nil
}

func (m Merge) writeSummary(s Summary) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(m.path(summaryEnd), signed(text))
}

// signed adds the sum of its bytes to the JSON of a summary, as its last field.
func signed(text []byte) []byte {
	body := bytes.TrimSuffix(text, []byte("\n}"))
	return append(slices.Clip(body), sumField(Hash(xxhash.Sum64(body)))...)
}

func sumField(sum string) string { return fmt.Sprintf(",\n  \"sum\": %q\n}\n", sum) }

// intact reports whether a summary has the sum of its bytes. Earlier versions wrote none.
func intact(text []byte) bool {
	var s struct{ Sum string }
	if json.Unmarshal(text, &s) != nil {
		return false
	}
	body, ok := bytes.CutSuffix(text, []byte(sumField(s.Sum)))
	return s.Sum == "" || ok && s.Sum == Hash(xxhash.Sum64(body))
}

func (m Merge) summary(p *plan, out *outputs, sum string) Summary {
	f, c, b := m.Books.File, out.mark.Counts, newBooks(m.Books)
	s := Summary{
		File: f.Info.Path, Generation: max(f.Generation, 1), State: f.State.String(), Reason: f.Reason, Deployment: m.Books.Deployment,
		Size: f.Info.Size, Started: timeOrNull(f.Started), Ended: timeOrNull(f.Ended), Merged: time.Now().UTC().Truncate(time.Millisecond),
		Partial: b.check(p, m.Dir) != nil || !f.HasEnded() || !f.Whole() || !c.isThatOf(f),
		Items:   itemsOf(f),
		Chunks:  SummaryChunks{f.DoneChunks, f.DeadChunks, c.Chunks}, Unrecorded: c.Unrecorded,
		Result: out.result.describe(), FailedList: out.failed.describe(), FailedItems: out.items.describe(),
		DeadLines: []DeadLines{}, Workers: []WorkerShare{}, Settings: m.Settings, Plan: sum, Version: m.Version,
	}
	if f.DigestKnown() {
		text := Hash(f.Digest)
		s.Digest = &text
	}
	for _, name := range slices.Sorted(maps.Keys(c.Workers)) {
		share := c.Workers[name]
		share.Worker = name
		s.Workers = append(s.Workers, share)
	}
	s.DeadLines = append(s.DeadLines, rangesOf(b.dead)...)
	if f.State == messages.FileCancelled {
		s.Cancelled = &Cancelled{Lines: append([]DeadLines{}, rangesOf(b.cancelled)...), Bytes: f.CancelledBytes}
	}
	if out.failed.bytes == 0 {
		s.FailedList, s.FailedItems = nil, nil
	}
	return s
}

// rangesOf names the lines of chunks, each with the reason why it has no result.
func rangesOf(list []messages.OpenChunk) (out []DeadLines) {
	for _, d := range list {
		out = append(out, DeadLines{d.FirstLine, d.FirstLine + d.Lines - 1, d.Items, d.Reason})
	}
	return out
}

func (o *output) describe() *MergedFile {
	return &MergedFile{filepath.Base(o.final), o.lines, o.bytes, Hash(o.digest.Sum64())}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// completed returns the summary of an earlier merge of everything, by the same plan and the
// same books, whose files are there.
func (m Merge) completed(sum string) (s Summary, ok bool) {
	s, ok = m.former()
	return s, ok && s.Plan == sum && s.Result.Name == filepath.Base(m.path("."+m.Ext))
}

// replacedBefore returns the summary of an earlier merge of the same chunks whose result has
// taken the place of the others. An older state that was put back does not know of it, and
// has some of these chunks done again, but not all of them.
func (m Merge) replacedBefore(sum string) (Summary, bool) {
	s, ok := m.former()
	f := m.Books.File
	if !ok || !s.Replaced || s.Deployment != m.Books.Deployment || !f.DigestKnown() || s.Digest == nil || *s.Digest != Hash(f.Digest) {
		return Summary{}, false
	}
	s.Started, s.Ended, s.Plan = timeOrNull(f.Started), timeOrNull(f.Ended), sum
	return s, true
}

// former returns the summary of an earlier merge of everything, by the same books, whose
// files are there.
func (m Merge) former() (s Summary, ok bool) {
	text, err := os.ReadFile(m.path(summaryEnd))
	if err != nil || !intact(text) || json.Unmarshal(text, &s) != nil || s.Result == nil {
		return Summary{}, false
	}
	if f := m.Books.File; s.Partial || s.State != f.State.String() || s.Items != itemsOf(f) {
		return Summary{}, false
	}
	for _, f := range []*MergedFile{s.Result, s.FailedList, s.FailedItems} {
		if f == nil {
			continue
		}
		if info, err := os.Stat(filepath.Join(m.Out, filepath.Base(f.Name))); err != nil || info.Size() != f.Bytes {
			return Summary{}, false
		}
	}
	return s, true
}
