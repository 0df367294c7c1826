package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// failedLine is one line of the list of the items that failed.
type failedLine struct {
	Line  *int64 `json:"line"` // line in the file, from 1, or null when it cannot be told
	Item  string `json:"item"`
	Exit  *int   `json:"exit"`
	Error string `json:"error"`
}

// placeFailedList puts the list of the items that failed in its place, before the
// result. Without such items there is no list; one of an earlier attempt is removed.
func (f *ResultFile) placeFailedList() error {
	failures := f.chunk.report.failures()
	if len(failures) == 0 {
		if err := f.root.Remove(f.failed); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	temp := f.temp + "-failed"
	err := f.writeFailedList(temp, failures)
	if err == nil {
		err = f.root.Rename(temp, f.failed)
	}
	if err != nil {
		_ = f.root.Remove(temp)
	}
	return err
}

func (f *ResultFile) writeFailedList(temp string, failures []failure) error {
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(file, bufferSize)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for _, x := range failures {
		line := failedLine{Item: f.chunk.Items[x.Index], Exit: x.Exit, Error: x.Text}
		if n, known := f.chunk.lineOf(x.Index); known {
			line.Line = &n
		}
		if err := enc.Encode(line); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(buf.Flush(), file.Sync(), file.Close())
}
