package inputfile

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"kafka-master/messages"
)

// Overlooked records what listings of one folder left out. It is safe for concurrent use.
type Overlooked struct {
	folder string
	log    *slog.Logger
	warned sync.Map // names that a warning was logged for
	last   atomic.Pointer[messages.Ignored]
}

// NewOverlooked returns a record for a folder, which log messages name.
func NewOverlooked(folder string, log *slog.Logger) *Overlooked {
	o := &Overlooked{folder: folder, log: log}
	o.Listed(messages.Ignored{})
	return o
}

// Listed records what a complete listing left out.
func (o *Overlooked) Listed(x messages.Ignored) { o.last.Store(&x) }

// Ignored returns what the last complete listing left out.
func (o *Overlooked) Ignored() messages.Ignored { return *o.last.Load() }

// WarnOnce logs a warning about a name, once.
func (o *Overlooked) WarnOnce(name, text string) {
	if _, warned := o.warned.LoadOrStore(name, true); !warned {
		o.log.Warn(text, "folder", o.folder, "name", fmt.Sprintf("%q", name))
	}
}
