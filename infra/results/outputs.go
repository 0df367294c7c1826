package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	tempEnd        = ".merging"    // end of the names of files that are being merged
	failedLinesEnd = ".failed.txt" // end of the name of the failed items as lines
	// checkpointEvery and checkpointBytes are how much of a merge a crash may lose.
	checkpointEvery = 5 * time.Second
	checkpointBytes = 256 << 20
	outputBuffer    = 256 << 10
)

// output is one merged file that is being written.
type output struct {
	temp, final string
	file        *os.File
	buf         *bufio.Writer
	digest      *xxhash.Digest
	bytes       int64
	lines       int64
	last        byte
	failure     error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if o.failure != nil {
		return 0, o.failure
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := o.buf.Write(p); err != nil {
		o.failure = err
		return 0, err
	}
	_, _ = o.digest.Write(p)
	o.bytes += int64(len(p))
	o.lines += int64(countLines(p))
	o.last = p[len(p)-1]
	return len(p), nil
}

// endLine ends the last line.
func (o *output) endLine() error {
	if o.bytes == 0 || o.last == '\n' {
		return o.failure
	}
	_, err := o.Write([]byte{'\n'})
	return err
}

// sync makes what was written durable.
func (o *output) sync() error { return errors.Join(o.failure, o.buf.Flush(), o.file.Sync()) }

// written is the state of an output at a checkpoint.
type written struct {
	Bytes  int64
	Lines  int64
	Last   byte
	Digest []byte
}

func (o *output) state() (w written, err error) {
	w = written{Bytes: o.bytes, Lines: o.lines, Last: o.last}
	w.Digest, err = o.digest.MarshalBinary()
	return w, err
}

// open opens the temporary file and cuts it to where it was synced last.
func (o *output) open(w written) error {
	f, err := os.OpenFile(o.temp, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	o.file, o.digest, o.bytes, o.lines, o.last = f, xxhash.New(), w.Bytes, w.Lines, w.Last
	if len(w.Digest) > 0 {
		if err := o.digest.UnmarshalBinary(w.Digest); err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err == nil && info.Size() < w.Bytes {
		err = fmt.Errorf("%s is shorter than it was", o.temp)
	}
	if err == nil {
		err = f.Truncate(w.Bytes)
	}
	if err == nil {
		_, err = f.Seek(w.Bytes, io.SeekStart)
	}
	o.buf = bufio.NewWriterSize(f, outputBuffer)
	return err
}

func (o *output) close() {
	if o.file != nil {
		_ = o.file.Close()
		o.file = nil
	}
}

// mark is a place at which an interrupted merge can continue.
type mark struct {
	Plan                  string
	Part                  int // number of parts that are merged
	Result, Failed, Items written
	Counts                counts
}

// counts are the figures of what was merged.
type counts struct {
	Chunks     int                    // results, without retries
	Unrecorded int                    // of them, those without a line in a manifest
	Workers    map[string]WorkerShare // by worker
	Failed     int64                  // failed items
	Digest     uint64                 // sum of the digests of the chunks
}

// outputs are the merged files of one file.
type outputs struct {
	result, failed, items output
	lock                  *lock
	checkpoints           string // path of the last mark
	summary               string // path of the summary
	mark                  mark
	syncedAt              time.Time
	syncedBytes           int64
}

// openOutputs opens the temporary files, as an interrupted merge by the same plan left
// them.
func (m Merge) openOutputs(sum string) (*outputs, error) {
	hidden := func(ending string) string {
		return filepath.Join(m.Out, "."+filepath.Base(m.path(ending))+tempEnd)
	}
	o := &outputs{
		result: output{temp: hidden("." + m.Ext), final: m.path("." + m.Ext)},
		failed: output{temp: hidden(FailedListSuffix), final: m.path(FailedListSuffix)},
		items:  output{temp: hidden(failedLinesEnd), final: m.path(failedLinesEnd)},

		checkpoints: hidden(".checkpoint"), summary: m.path(summaryEnd), syncedAt: time.Now(),
	}
	if err := os.MkdirAll(m.Out, 0o755); err != nil {
		return nil, fmt.Errorf("create the folder for the merged files: %w", err)
	}
	var err error
	if o.lock, err = acquire(hidden(".lock")); err != nil {
		return nil, err
	}
	if err := o.continueFrom(sum); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// continueFrom opens the files at the last mark, or from the beginning if it is of no use.
func (o *outputs) continueFrom(sum string) error {
	text, err := os.ReadFile(o.checkpoints)
	if err == nil && json.Unmarshal(text, &o.mark) == nil && o.mark.Plan == sum && o.openAll() == nil {
		return nil
	}
	o.closeFiles()
	o.mark = mark{Plan: sum}
	if err := o.openAll(); err != nil {
		return fmt.Errorf("create a merged file: %w", err)
	}
	return nil
}

func (o *outputs) openAll() error {
	if o.mark.Counts.Workers == nil {
		o.mark.Counts.Workers = map[string]WorkerShare{}
	}
	return errors.Join(o.result.open(o.mark.Result), o.failed.open(o.mark.Failed), o.items.open(o.mark.Items))
}

func (o *outputs) closeFiles() {
	o.result.close()
	o.failed.close()
	o.items.close()
}

func (o *outputs) close() {
	o.closeFiles()
	o.lock.release()
}

// due reports whether it is time for a checkpoint.
func (o *outputs) due() bool {
	return time.Since(o.syncedAt) >= checkpointEvery || o.result.bytes-o.syncedBytes >= checkpointBytes
}

// checkpoint makes everything durable and remembers the place.
func (o *outputs) checkpoint(part int) error {
	if err := errors.Join(o.result.sync(), o.failed.sync(), o.items.sync()); err != nil {
		return fmt.Errorf("write a merged file: %w", err)
	}
	o.mark.Part = part
	var errs [3]error
	o.mark.Result, errs[0] = o.result.state()
	o.mark.Failed, errs[1] = o.failed.state()
	o.mark.Items, errs[2] = o.items.state()
	text, err := json.Marshal(o.mark)
	if err := errors.Join(errs[0], errs[1], errs[2], err); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	o.syncedAt, o.syncedBytes = time.Now(), o.result.bytes
	return writeDurably(o.checkpoints, text)
}

// err returns the first error of writing.
func (o *outputs) err() error {
	return errors.Join(o.result.failure, o.failed.failure, o.items.failure)
}

// addFailed adds a failed item to both lists.
func (o *outputs) addFailed(line []byte, item FailedItem) {
	_, _ = o.failed.Write(line)
	_ = o.failed.endLine()
	_, _ = io.WriteString(&o.items, item.Item+"\n")
	o.mark.Counts.Failed++
}

// count adds a result to the figures.
func (o *outputs) count(l Line, q part, recorded bool) {
	c := &o.mark.Counts
	if q.retry == 0 {
		c.Chunks++
	}
	if !recorded {
		c.Unrecorded++
		return
	}
	w := c.Workers[l.Worker]
	w.Chunks++
	w.Items += int64(l.Items)
	w.Failed += int64(l.Failed)
	c.Workers[l.Worker] = w
}

// place puts the merged files in their places. Without failed items there are no lists,
// and those of an earlier merge are removed. The summary of an earlier merge is removed before:
// it never stands beside files that it is not about.
func (o *outputs) place() error {
	for _, f := range []*output{&o.result, &o.failed, &o.items} {
		if err := f.finish(); err != nil {
			return fmt.Errorf("write a merged file: %w", err)
		}
	}
	if err := removeIfThere(o.summary); err != nil {
		return fmt.Errorf("remove the summary of an earlier merge: %w", err)
	}
	for _, f := range []*output{&o.result, &o.failed, &o.items} {
		var err error
		if f != &o.result && f.bytes == 0 {
			err = errors.Join(removeIfThere(f.final), os.Remove(f.temp))
		} else {
			err = os.Rename(f.temp, f.final)
		}
		if err != nil {
			return fmt.Errorf("put a merged file in place: %w", err)
		}
	}
	return SyncFolder(os.Open, filepath.Dir(o.result.final))
}

// finish makes the file durable and closes it.
func (o *output) finish() error {
	if err := o.sync(); err != nil {
		return err
	}
	info, err := o.file.Stat()
	if err == nil && info.Size() != o.bytes {
		err = fmt.Errorf("%s has %d bytes instead of %d: was it changed meanwhile?", o.temp, info.Size(), o.bytes)
	}
	if err == nil {
		err = o.file.Close()
		o.file = nil
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeDurably replaces a file.
func writeDurably(path string, text []byte) error {
	temp := path + ".tmp"
	f, err := os.Create(temp)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = SyncFolder(os.Open, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// countLines returns the number of line ends.
func countLines(p []byte) int { return bytes.Count(p, []byte{'\n'}) }
