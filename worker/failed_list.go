package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"kafka-master/infra/results"
)

// tempList is the temporary path of the list of failed items.
func (f *ResultFile) tempList() string { return f.temp + "-failed" }

// placeFailedList puts the list of failed items in its place. An attempt without such
// items removes that of an earlier one.
func (f *ResultFile) placeFailedList() error {
	err := f.root.Rename(f.tempList(), f.failed)
	if errors.Is(err, fs.ErrNotExist) {
		err = f.root.Remove(f.failed)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writeFailedList writes the list of failed items under its temporary name, and returns
// the file, which has to be synced and closed, and its hash. Without such items there is no
// list.
func (f *ResultFile) writeFailedList() (list *os.File, hash string, err error) {
	failures := f.chunk.report.failures()
	if len(failures) == 0 {
		return nil, "", nil
	}
	list, err = f.root.OpenFile(f.tempList(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, "", err
	}
	figures := results.NewFigures()
	buf := bufio.NewWriterSize(list, bufferSize)
	enc := json.NewEncoder(io.MultiWriter(figures, buf))
	enc.SetEscapeHTML(false)
	for _, x := range failures {
		line := results.FailedItem{Item: f.chunk.Items[x.Index], Exit: x.Exit, Error: x.Text}
		if n, known := f.chunk.lineOf(x.Index); known {
			line.Line = &n
		}
		if err := enc.Encode(line); err != nil {
			return nil, "", errors.Join(err, list.Close())
		}
	}
	if err := buf.Flush(); err != nil {
		return nil, "", errors.Join(err, list.Close())
	}
	return list, figures.Hash(), nil
}
