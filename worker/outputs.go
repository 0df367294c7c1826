package worker

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
)

const (
	// maxOutput is how much of the output of one running process is kept in memory.
	maxOutput = 64 << 10
	// maxWaiting is how much output of processes that have ended is kept in memory
	// while it waits for the output of the items before it.
	maxWaiting = 16 << 20
)

// outputs passes what the processes of a chunk write to the result: the whole output of
// one after the other, in the order of the items or in that of their ends. What does not
// fit into memory waits in a temporary file.
type outputs struct {
	result  io.Writer
	inOrder bool
	ended   func(item int) // is told that the output of an item was written, in their order
	spill   spill

	mu      sync.Mutex
	ready   map[int]*output // of items that have ended, by the number of the item
	next    int             // item whose output comes next
	writing bool            // a goroutine writes to the result
	waiting int             // bytes of ready outputs in memory
	failure error           // first error of writing the result
}

func newOutputs(result io.Writer, inOrder bool, ended func(int), scratch func() (*os.File, func(), error)) *outputs {
	return &outputs{result: result, inOrder: inOrder, ended: ended, ready: map[int]*output{}, spill: spill{open: scratch}}
}

// output is what the process of one item has written so far.
type output struct {
	of    *outputs
	buf   []byte
	moved []section // parts before buf that are in the temporary file
	last  byte      // last byte of everything
	err   error
}

func (o *outputs) begin() *output { return &output{of: o} }

// Write implements io.Writer.
func (x *output) Write(p []byte) (int, error) {
	if x.err == nil && len(p) > 0 {
		x.buf, x.last = append(x.buf, p...), p[len(p)-1]
		if len(x.buf) > maxOutput {
			x.err = x.move()
		}
	}
	if x.err != nil {
		return 0, x.err
	}
	return len(p), nil
}

// move moves the buffer to the temporary file.
func (x *output) move() error {
	part, err := x.of.spill.append(x.buf)
	x.moved, x.buf = append(x.moved, part), x.buf[:0]
	return err
}

// endLine ends an unfinished last line, so that the next output begins on a line of
// its own.
func (x *output) endLine() {
	if x.last != 0 && x.last != '\n' {
		x.buf = append(x.buf, '\n')
	}
}

// put hands over the output of an item that has ended; nil is no output. It returns the
// first error of writing the result.
func (o *outputs) put(item int, x *output) error {
	if x == nil {
		x = o.begin()
	}
	x.endLine()
	x.buf = bytes.Clone(x.buf) // it may have room for much more
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.inOrder && item != o.next && o.waiting+len(x.buf) > maxWaiting {
		if err := x.move(); err != nil && o.failure == nil {
			o.failure = err
		}
		x.buf = nil
	}
	o.ready[item] = x
	o.waiting += len(x.buf)
	if !o.writing {
		o.writing = true
		o.write()
		o.writing = false
	}
	return o.failure
}

// write writes the outputs whose turn it is. It unlocks meanwhile, so that others can
// hand over theirs.
func (o *outputs) write() {
	for o.failure == nil {
		item, x := o.take()
		if x == nil {
			return
		}
		o.mu.Unlock()
		err := x.copyTo(o.result)
		if err == nil && o.inOrder {
			o.ended(item)
		}
		o.mu.Lock()
		if o.failure == nil {
			o.failure = err
		}
	}
}

// take returns the output whose turn it is, if it is ready.
func (o *outputs) take() (item int, x *output) {
	item = o.next
	if !o.inOrder {
		for item = range o.ready {
			break
		}
	}
	if x = o.ready[item]; x != nil {
		delete(o.ready, item)
		o.waiting -= len(x.buf)
		o.next++
	}
	return item, x
}

func (x *output) copyTo(result io.Writer) error {
	for _, part := range x.moved {
		if err := x.of.spill.copyTo(result, part); err != nil {
			return err
		}
	}
	if len(x.buf) == 0 {
		return nil
	}
	_, err := result.Write(x.buf)
	return err
}

// section is a part of a file.
type section struct{ from, size int64 }

// spill is a temporary file that takes output which does not fit into memory.
type spill struct {
	open func() (file *os.File, remove func(), err error)

	mu     sync.Mutex
	file   *os.File
	remove func()
	end    int64
}

// append appends the bytes to the file.
func (s *spill) append(b []byte) (section, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		var err error
		if s.file, s.remove, err = s.open(); err != nil {
			return section{}, err
		}
	}
	at := section{s.end, int64(len(b))}
	_, err := s.file.WriteAt(b, s.end)
	s.end += at.size
	return at, err
}

func (s *spill) copyTo(to io.Writer, part section) error {
	n, err := io.Copy(to, io.NewSectionReader(s.file, part.from, part.size))
	if err == nil && n < part.size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// close removes the file.
func (s *spill) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		s.remove()
		s.file, s.open = nil, func() (*os.File, func(), error) { return nil, nil, errors.New("closed") }
	}
}
