package httpapi

import (
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// fileState is the name of the state of a file that has an id.
type fileState string

// Schema implements huma.SchemaProvider.
func (fileState) Schema(huma.Registry) *huma.Schema { return oneOf(listedStates()) }

// workerState is the name of the state of a worker.
type workerState string

// Schema implements huma.SchemaProvider.
func (workerState) Schema(huma.Registry) *huma.Schema { return oneOf(names(messages.WorkerGone)) }

// oneOf returns the schema of a text that has one of some values.
func oneOf(values []string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

// listedStates returns the states of files that have an id. A file that settles has
// none, and is only counted.
func listedStates() []string { return names(messages.LastFileState)[messages.FileRunning:] }

// names returns the names of all states from the zero value to the last one.
func names[S interface {
	~uint8
	fmt.Stringer
}](last S) []string {
	var out []string
	for s := range last + 1 {
		out = append(out, s.String())
	}
	return out
}
