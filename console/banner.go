package console

import (
	"fmt"
	"io"
	"strings"
)

// Banner is what a person should know when the program has started. Empty fields
// are left out, but for those that say otherwise.
type Banner struct {
	Version string // of the program
	Broker  string // address or addresses
	// BrokerData is the folder of the embedded broker. Empty means that the
	// broker is not in this process.
	BrokerData string
	// StateData is the file that keeps the state. Empty means Redis.
	StateData string
	Input     string // the input folder
	Results   string // the folder of the results
	API       string // URL of the API, such as http://127.0.0.1:3001
	// Workers is the number of workers in this process; 0 shows WorkerCommand.
	Workers       int
	WorkerCommand string // the command that starts a worker
}

// Write writes the banner.
func (b Banner) Write(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "Kafka Master %s\n", b.Version)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&s, "  %-8s %s\n", name, text)
		}
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
		row("workers", grouped(int64(b.Workers))+" in this process")
	} else {
		row("workers", "none in this process; start them with: "+b.WorkerCommand)
	}
	if b.API != "" {
		row("API", b.API+"/api/v1/overview")
	}
	row("stop", "Ctrl-C; the next start goes on where this one stopped")
	s.WriteString("\n")
	if _, err := io.WriteString(w, s.String()); err != nil {
		return fmt.Errorf("write the banner: %w", err)
	}
	return nil
}
