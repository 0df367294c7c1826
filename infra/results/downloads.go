package results

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Artifact is something that can be taken home of a file.
type Artifact string

// The artifacts of a file.
const (
	MergedResult Artifact = "results"      // the merged result
	FailedList   Artifact = "failed"       // the list of its failed items
	FailedLines  Artifact = "failed-lines" // these items as lines, to be run again
	MergeSummary Artifact = "summary"      // the summary of the merge
	JobLog       Artifact = "joblog"       // see WriteJoblog
)

// Artifacts returns all of them.
func Artifacts() []Artifact {
	return []Artifact{MergedResult, FailedList, FailedLines, MergeSummary, JobLog}
}

// The errors of an artifact that is not here.
var (
	// ErrNotMerged means that the results of the file are here, but were not merged.
	ErrNotMerged = errors.New("the results are not merged")
	// ErrOutdated means that what was merged is not what the books are about now, such as after
	// a retry, or was changed.
	ErrOutdated = errors.New("what was merged is not of the file as it is now")
	// ErrNothingFailed means that there is no list, since no item failed.
	ErrNothingFailed = errors.New("no item failed")
	// ErrNoTemporary means that there is no folder for the temporary file of a job log.
	ErrNoTemporary = errors.New("no temporary file can be made")
)

// maxSummary bounds the summary that is read. It has a line for each dead chunk.
const maxSummary = 32 << 20

// maxLooks bounds how often an artifact is looked for while merges replace it.
const maxLooks = 5

// Offer describes an artifact of a file.
type Offer struct {
	Artifact Artifact
	Name     string // of the file to save it in
	// Bytes, Lines and Hash are unknown (-1 and empty) of a job log that was not made, and
	// Lines and Hash of a summary.
	Bytes, Lines int64
	Hash         string    // XXH64 of the content
	Modified     time.Time // when it was merged; of a job log when it was made
	Partial      bool      // merged although results are missing
	Err          error     // why it is not here, nil when it is
}

// Opened is an artifact that was opened. Its content stays as it is while a merge replaces it.
type Opened struct {
	Offer
	io.ReadSeeker
	io.Closer
}

// Downloads finds the artifacts of files in the folder of all results.
type Downloads struct{ Dir string }

// List describes all artifacts of a file.
func (d Downloads) List(f messages.File) []Offer {
	root, err := d.open()
	if err != nil {
		return failing(f, err)
	}
	defer root.Close()
	m, err := openMerged(root, f)
	if err == nil {
		defer m.file.Close()
	}
	var out []Offer
	for _, a := range Artifacts() {
		if a == JobLog {
			out = append(out, offerJoblog(root, f))
			continue
		}
		o := Offer{Artifact: a, Name: nameOf(f, a), Bytes: -1, Lines: -1, Err: err}
		if err == nil {
			o = m.offer(root, a)
		}
		out = append(out, o)
	}
	return out
}

// failing returns the artifacts of a file when none can be reached.
func failing(f messages.File, err error) (out []Offer) {
	for _, a := range Artifacts() {
		out = append(out, Offer{Artifact: a, Name: nameOf(f, a), Bytes: -1, Lines: -1, Err: whyNotYet(f, a, err)})
	}
	return out
}

// whyNotYet returns why an artifact is not in a folder that has nothing: a file that has not
// ended may get it.
func whyNotYet(f messages.File, a Artifact, err error) error {
	if a != JobLog && !f.HasEnded() && errors.Is(err, ErrNoResults) {
		return ErrRunning
	}
	return err
}

// Open opens an artifact. The merged ones are those that the summary vouches for: merges
// remove it before they replace them, so what is opened between two looks at the same summary
// is what it is about.
func (d Downloads) Open(f messages.File, a Artifact) (*Opened, error) {
	root, err := d.open()
	if err != nil {
		return nil, whyNotYet(f, a, err)
	}
	defer root.Close()
	if a == JobLog {
		return openJoblog(root, f)
	}
	for range maxLooks {
		m, err := openMerged(root, f)
		if err != nil {
			return nil, err
		}
		out, err := m.open(root, a)
		stands := m.stands(root)
		m.file.Close()
		switch {
		case stands:
			return out, err
		case err == nil:
			out.Close()
		}
	}
	return nil, fmt.Errorf("%w: they are being merged", ErrNotMerged)
}

func (d Downloads) open() (*os.Root, error) {
	root, err := os.OpenRoot(d.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoResults, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the results: %w", err)
	}
	return root, nil
}

// nameOf returns the name of an artifact before it is known to be here.
func nameOf(f messages.File, a Artifact) string {
	folder := messages.GenerationFolder(f.Info.Path, f.Generation)
	switch a {
	case MergedResult:
		return folder + Suffix
	case FailedList:
		return folder + FailedListSuffix
	case FailedLines:
		return folder + failedLinesEnd
	case MergeSummary:
		return folder + summaryEnd
	}
	return folder + ".joblog.tsv"
}

// merged is the summary of a merge of a file as it is now.
type merged struct {
	Summary
	of   messages.File
	text []byte
	file *os.File // keeps the identity of the summary from being given to another file
	info fs.FileInfo
}

// openMerged reads the summary of a file.
func openMerged(root *os.Root, f messages.File) (*merged, error) {
	file, info, err := openRegular(root, nameOf(f, MergeSummary))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, whyNotMerged(root, f)
	}
	if err != nil {
		return nil, fmt.Errorf("open the summary of a merge: %w", err)
	}
	m := &merged{of: f, file: file, info: info}
	if m.text, err = io.ReadAll(io.LimitReader(file, maxSummary+1)); err == nil {
		err = m.check()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return m, nil
}

// check returns an error unless the summary is whole and about the file as it is now.
func (m *merged) check() error {
	if len(m.text) > maxSummary || !intact(m.text) || json.Unmarshal(m.text, &m.Summary) != nil || m.Result == nil {
		return fmt.Errorf("%w: the summary of the merge is damaged", ErrOutdated)
	}
	f := m.of
	if m.File != f.Info.Path || m.Generation != max(f.Generation, 1) || m.State != f.State.String() || m.Items != itemsOf(f) {
		return ErrOutdated
	}
	if f.DigestKnown() && m.Digest != nil && *m.Digest != Hash(f.Digest) {
		return ErrOutdated
	}
	return nil
}

// stands reports whether the summary is still the one that was read.
func (m *merged) stands(root *os.Root) bool {
	now, err := root.Stat(nameOf(m.of, MergeSummary))
	return err == nil && os.SameFile(now, m.info) && now.Size() == m.info.Size() && now.ModTime().Equal(m.info.ModTime())
}

// offer describes a merged artifact, whose file must be as the summary says.
func (m *merged) offer(root *os.Root, a Artifact) Offer {
	o := Offer{Artifact: a, Name: nameOf(m.of, a), Lines: -1, Modified: m.Merged, Partial: m.Partial}
	if a == MergeSummary {
		o.Bytes, o.Hash = int64(len(m.text)), Hash(xxhash.Sum64(m.text))
		return o
	}
	about := map[Artifact]*MergedFile{MergedResult: m.Result, FailedList: m.FailedList, FailedLines: m.FailedItems}[a]
	if about == nil {
		o.Bytes, o.Err = -1, ErrNothingFailed
		return o
	}
	o.Bytes, o.Lines, o.Hash = about.Bytes, about.Lines, about.Hash
	if o.Err = m.named(about.Name, a); o.Err != nil {
		return o
	}
	o.Name = about.Name
	info, err := root.Stat(o.Name)
	switch {
	case err != nil:
		o.Err = fmt.Errorf("%w: a merged file cannot be read: %w", ErrOutdated, err)
	case !info.Mode().IsRegular() || info.Size() != o.Bytes:
		o.Err = fmt.Errorf("%w: %s has %d bytes, not %d", ErrOutdated, o.Name, info.Size(), o.Bytes)
	}
	return o
}

// named returns an error unless the name is one that a merge gives to this artifact.
func (m *merged) named(name string, a Artifact) error {
	folder := messages.GenerationFolder(m.of.Info.Path, m.of.Generation)
	if ext, ok := strings.CutPrefix(name, folder+"."); a == MergedResult && ok && ext != "" && filepath.Base(name) == name && plainName(name) {
		return nil
	}
	if a != MergedResult && name == nameOf(m.of, a) {
		return nil
	}
	return fmt.Errorf("%w: its summary names %q", ErrOutdated, name)
}

// open opens a merged artifact.
func (m *merged) open(root *os.Root, a Artifact) (*Opened, error) {
	o := m.offer(root, a)
	if o.Err != nil {
		return nil, o.Err
	}
	if a == MergeSummary {
		return &Opened{o, strings.NewReader(string(m.text)), io.NopCloser(nil)}, nil
	}
	file, info, err := openRegular(root, o.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: a merged file cannot be opened: %w", ErrOutdated, err)
	}
	if info.Size() != o.Bytes {
		file.Close()
		return nil, fmt.Errorf("%w: %s has %d bytes, not %d", ErrOutdated, o.Name, info.Size(), o.Bytes)
	}
	return &Opened{o, file, file}, nil
}

// openRegular opens a file that is one: what else lies there, such as a pipe, may block.
func openRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file", name)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// whyNotMerged returns why a file has no summary.
func whyNotMerged(root *os.Root, f messages.File) error {
	switch {
	case !f.HasEnded():
		return ErrRunning
	case !hasResults(root, f):
		return ErrNoResults
	case !f.Whole():
		return ErrCancelled
	}
	return ErrNotMerged
}

// hasResults reports whether workers left anything here.
func hasResults(root *os.Root, f messages.File) bool {
	folder := messages.GenerationFolder(f.Info.Path, f.Generation)
	found := false
	if names, err := Manifests(root.FS(), folder); err == nil && len(names) > 0 {
		return true
	}
	for _, folder := range []string{folder, messages.FormerResultFolder(f.Info.Path)} {
		_ = eachName(root.FS(), folder, func(string) { found = true }) // what cannot be read is not here
	}
	return found
}

// offerJoblog describes the job log.
func offerJoblog(root *os.Root, f messages.File) Offer {
	o := Offer{Artifact: JobLog, Name: nameOf(f, JobLog), Bytes: -1, Lines: -1}
	names, err := Manifests(root.FS(), messages.GenerationFolder(f.Info.Path, f.Generation))
	if o.Err = err; err == nil && len(names) == 0 {
		o.Err = ErrNoResults
	}
	return o
}

// openJoblog writes the job log into a temporary file, so that a slow reader holds none of it
// in memory.
func openJoblog(root *os.Root, f messages.File) (_ *Opened, err error) {
	o := offerJoblog(root, f)
	if o.Err != nil {
		return nil, o.Err
	}
	file, err := os.CreateTemp("", "kafka-master-*.tsv")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTemporary, err)
	}
	temp := &temporary{file}
	defer func() {
		if err != nil {
			temp.Close()
		}
	}()
	_ = os.Remove(file.Name()) // where an open file cannot be removed, Close does
	figures := NewFigures()
	out := bufio.NewWriter(io.MultiWriter(file, figures))
	if err := errors.Join(WriteJoblog(root.FS(), messages.GenerationFolder(f.Info.Path, f.Generation), out), out.Flush()); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("make the job log: %w", err)
	}
	o.Bytes, o.Lines, o.Hash, o.Modified = figures.Bytes(), figures.Lines(), figures.Hash(), time.Now()
	return &Opened{o, file, temp}, nil
}

// temporary is a file that is removed when it is closed.
type temporary struct{ *os.File }

// Close implements io.Closer.
func (t *temporary) Close() error {
	err := t.File.Close()
	if gone := os.Remove(t.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
