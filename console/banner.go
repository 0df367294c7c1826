package console

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
)

// Banner is the information that is printed when the program has started. A field that
// is empty is omitted unless its comment gives it another meaning.
type Banner struct {
	// Version is the version of the program.
	Version string
	// Broker is the address of the broker, or a list of addresses.
	Broker string
	// BrokerData is the data folder of the embedded broker. Empty means that the broker
	// does not run in this process.
	BrokerData string
	// StateData is the path of the state. Empty means that the state is in Redis.
	StateData string
	// Input is the input folder.
	Input string
	// Results is the results folder.
	Results string
	// API is the URL of the API, such as http://127.0.0.1:3001.
	API string
	// Workers is the number of workers in this process. 0 shows WorkerCommand.
	Workers int
	// WorkerCommand is the command that starts a worker.
	WorkerCommand string
}

// Write writes the banner to w.
func (b Banner) Write(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "Kafka Master %s\n", b.Version)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&s, "  %-8s %s\n", name, text)
		}
	}
	if b.API != "" {
		row("page", b.API+"/")
	}
	if b.BrokerData != "" {
		row("broker", "embedded, on "+b.Broker+", data in "+b.BrokerData)
	} else {
		row("broker", b.Broker)
	}
	if b.StateData != "" {
		row("state", "embedded, in "+b.StateData)
	} else {
		row("state", "Redis")
	}
	row("input", b.Input)
	row("results", b.Results)
	if b.Workers > 0 {
		row("workers", humanize.Comma(int64(b.Workers))+" in this process")
	} else {
		row("workers", "none in this process; start them with: "+b.WorkerCommand)
	}
	if b.API != "" {
		row("API", b.API+"/api/v1/overview")
	}
	row("stop", "Ctrl-C; the next start continues where this one stopped")
	s.WriteString("\n")
	if _, err := io.WriteString(w, s.String()); err != nil {
		return fmt.Errorf("write the banner: %w", err)
	}
	return nil
}
