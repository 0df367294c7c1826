package worker

import (
	"errors"
	"os"
)

// scratch creates a temporary file beside the result, on the same disk. remove closes
// and removes it; where open files cannot be removed, it must be called before Commit or
// Abort.
func (f *ResultFile) scratch() (file *os.File, remove func(), err error) {
	name := f.temp + "-scratch"
	file, err = f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, err
	}
	removed := f.root.Remove(name) == nil
	return file, func() {
		_ = file.Close()
		if !removed {
			_ = f.root.Remove(name)
		}
	}, nil
}

// fault returns the error of a handler that could not write its output: that of Write,
// or the same for the file of scratch.
func (f *ResultFile) fault(err error) error {
	if errors.Is(err, ErrRetry) {
		return err
	}
	return f.results.writeError(err, maxOutput)
}
