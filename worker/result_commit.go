package worker

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"kafka-master/infra/failpoint"
	"kafka-master/infra/results"
	"kafka-master/messages"
)

// Commit records the result in a manifest and moves it to its path, durably. If the
// result of another attempt at the same chunk stands there, that one is kept and its
// figures are reported. When Commit fails, there is no new result, or one that may not
// survive a power failure. The attempt must then not be reported as done.
func (f *ResultFile) Commit() error {
	if f.failure != nil || f.ended {
		return cmp.Or(f.failure, errResultEnded)
	}
	if err := f.commit(); err != nil {
		return f.results.writeError(err, f.figures.Bytes())
	}
	return nil
}

// commit is own code, since renameio puts its temporary file at the top of an
// os.Root, where removeStale would not find it, and does not sync the folder.
func (f *ResultFile) commit() error {
	if err := f.buf.Flush(); err != nil {
		f.Abort()
		return err
	}
	f.ended = true
	defer f.root.Close()
	defer f.removeTemps()
	defer f.file.Close()
	l, known, err := f.record()
	if err != nil {
		return err
	}
	failpoint.Pass("before a result is in place")
	standing, err := f.settle(l, known)
	failpoint.Pass("after a result is in place")
	if err != nil {
		return err
	}
	if err := f.results.journal.SyncFolder(f.root, f.folder); err != nil {
		return err
	}
	if known {
		f.chunk.report.setRecorded(figuresOf(standing))
	}
	return nil
}

// record makes the temporary files durable, and the line about them in the manifest. known
// is that of line.
func (f *ResultFile) record() (l results.Line, known bool, err error) {
	list, listHash, err := f.writeFailedList()
	if err != nil {
		return l, false, err
	}
	if list != nil {
		defer list.Close()
	}
	syncList := func() error {
		if list == nil {
			return nil
		}
		return list.Sync()
	}
	if l, known = f.line(listHash); known {
		err = f.results.journal.Append(f.root, f.folder, l, f.file.Sync, syncList)
	} else {
		err = errors.Join(f.file.Sync(), syncList(), f.results.journal.Keep(f.root, f.folder))
	}
	return l, known, err
}

// removeTemps removes what is left under temporary names.
func (f *ResultFile) removeTemps() {
	_ = f.root.Remove(f.temp)
	_ = f.root.Remove(f.tempList())
}

// line returns the line about this result. known is false for a chunk without a name or
// a hash of its input: nothing could tell its result from that of another one.
func (f *ResultFile) line(listHash string) (l results.Line, known bool) {
	name, _, ok := messages.ParseBatchID(f.chunk.BatchID)
	if !ok || f.chunk.Hash == "" {
		return results.Line{}, false
	}
	c := f.chunk
	l = results.Line{
		BatchID: c.BatchID, Index: name.Index, Half: name.Half, Retry: name.Retry, Attempt: c.Attempt,
		Deployment: c.Deployment, Generation: max(c.Generation, 1), Offset: c.Offset, Length: c.Length, FirstLine: c.FirstLine,
		Items: len(c.Items), InputHash: c.Hash, Result: resultName(c) + resultSuffix, FailedListHash: listHash,
		Lines: f.figures.Lines(), Bytes: f.figures.Bytes(), Hash: f.figures.Hash(),
		Worker: string(c.Worker), Started: results.Time(f.created), Ended: results.Time(time.Now()), Exit: f.exit,
	}
	l.ItemLines = f.itemRuns()
	for _, r := range c.Positions {
		l.Positions = append(l.Positions, [2]int{int(r.First), int(r.Last)})
	}
	failures := c.report.failures()
	items := make([]int, len(failures))
	for i, x := range failures {
		items[i] = x.Index
	}
	l.Failed = len(items)
	for _, r := range messages.ItemRanges(items) {
		l.FailedItems = append(l.FailedItems, [2]int{int(r.First), int(r.Last)})
	}
	return l, true
}

// figuresOf returns what is reported about a result that stands.
func figuresOf(l results.Line) recorded {
	r := recorded{FailedItems: int64(l.Failed), OutputLines: l.Lines}
	for _, p := range l.FailedItems {
		r.FailedRanges = append(r.FailedRanges, messages.ItemRange{First: int32(p[0]), Last: int32(p[1])})
	}
	return r
}

// settle puts the list of failed items and the result in place, and returns the line about
// the result that stands then. Attempts at the same time settle one after the other, so
// that a result and its list are of one attempt.
func (f *ResultFile) settle(l results.Line, known bool) (standing results.Line, err error) {
	if known {
		unlock, err := results.Lock(f.root, f.folder, fmt.Sprintf("process %d of worker %s", os.Getpid(), f.chunk.Worker), f.results.lockWait())
		if err != nil {
			return l, err
		}
		defer unlock()
	}
	_, err = f.root.Lstat(f.final)
	stands := !errors.Is(err, fs.ErrNotExist)
	if known && stands {
		if v, ok, err := f.results.journal.Standing(f.root, f.folder, l); ok || err != nil {
			return v, err
		}
	}
	if err := f.placeFailedList(); err != nil {
		return l, err
	}
	if known && !stands {
		// Where locks are not known, another attempt may have come first.
		err := f.root.Link(f.temp, f.final)
		if err == nil {
			return l, nil
		}
		if errors.Is(err, fs.ErrExist) {
			if v, ok, err := f.results.journal.Standing(f.root, f.folder, l); ok || err != nil {
				return v, err
			}
		}
	}
	return l, f.root.Rename(f.temp, f.final)
}
