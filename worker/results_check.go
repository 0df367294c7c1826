package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

const (
	checkFolder = ".check-" // and a random part: no file's results have such a folder
	checkBytes  = 4 << 10
)

// Check does with a file of its own all that a result needs, from making a folder
// to reading back what was written, and removes it again. Its error says why no
// result can be written.
func (r Results) Check() error { return r.check(checkBytes) }

func (r Results) check(size int) error {
	folder := checkFolder + randomHex(8)
	f, err := r.create(folder, "check", 0)
	if err != nil {
		return fmt.Errorf("check the results folder: %w", err)
	}
	root, err := os.OpenRoot(r.Dir) // the file's own is closed with it
	if err == nil {
		err = rehearse(f, root, size)
		err = errors.Join(err, root.RemoveAll(folder), root.Close())
	}
	f.Abort()
	if err != nil {
		return fmt.Errorf("check the results folder: %w", err)
	}
	return nil
}

func rehearse(f *ResultFile, root *os.Root, size int) error {
	text := bytes.Repeat([]byte("kafka-master\n"), size/13+1)[:size]
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	kept, err := root.Open(f.final)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(kept, int64(size)+1))
	if err = errors.Join(err, kept.Close()); err == nil && !bytes.Equal(got, text) {
		err = fmt.Errorf("%s holds other bytes than were written", path.Base(f.final))
	}
	return err
}
