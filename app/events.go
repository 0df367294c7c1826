package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/messages"
)

// events is the command that follows what changes.
func (c command) events() *cobra.Command {
	return c.verb(verb{
		use: "events", short: "Print what happens, as it happens, until Ctrl-C",
		long: `Prints the notices of the leader: problems that begin or end, files that begin or end,
workers that come, leave or are lost, another leader. -o json prints every event of the
stream, one per line. A change of the leader is outlived.`,
		example: "  kafka-master events\n  kafka-master events -o json | jq 'select(.event == \"overview\").data.items_per_s'",
		args:    noArgs, answers: true,
		act: func(ctx context.Context, r *remote, _ []string) error { return r.follow(ctx) },
	})
}

// event is one event of the stream.
type event struct {
	ID    string          `json:"id"`
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// follow prints events until ctx ends, or no master answers for long.
func (r *remote) follow(ctx context.Context) error {
	return followEvents(ctx, r.client.stream, r.tellEvent)
}

// eventStream reads events until the stream ends. last is the id of the last one that is
// known, and alive is called for every line, also for those that keep a quiet stream open.
type eventStream func(ctx context.Context, last string, alive func(), tell func(event) error) error

// maxQuiet is how long a stream may be silent: a master sends something every 15 s.
const maxQuiet = 40 * time.Second

// followEvents reads one stream after the other. One that is silent is given up, since the
// machine at its other end may be gone.
func followEvents(ctx context.Context, stream eventStream, tell func(event) error) error {
	last, lost := "", time.Now()
	for {
		listening, cancel := context.WithCancel(ctx)
		silence := time.AfterFunc(maxQuiet, cancel)
		alive := func() {
			lost = time.Now()
			silence.Reset(maxQuiet)
		}
		err := stream(listening, last, alive, func(e event) error {
			last = e.ID
			return tell(e)
		})
		silence.Stop()
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!errors.Is(err, errUnreachable) || last == "" || time.Since(lost) > unreachableFor):
			return err
		case err == nil:
			lost = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// tellEvent prints an event.
func (r *remote) tellEvent(e event) error {
	if r.output == "json" {
		return json.NewEncoder(r.stdout).Encode(e)
	}
	var n struct {
		At          time.Time
		Text, Level string
	}
	if e.Event != "notice" {
		return nil
	}
	if err := json.Unmarshal(e.Data, &n); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	when, line := n.At.Local().Format(time.TimeOnly), messages.CleanLine(n.Text, 500)
	if r.output == "tsv" {
		_, err := fmt.Fprintf(r.stdout, "%s\t%s\t%s\n", stamp(&n.At), n.Level, line)
		return err
	}
	_, err := fmt.Fprintf(r.stdout, "%s  %-5s  %s\n", when, n.Level, line)
	return err
}

// maxEvent is the largest event that is read.
const maxEvent = 16 << 20

// stream is an eventStream: it reads server-sent events.
func (c *apiClient) stream(ctx context.Context, last string, alive func(), tell func(event) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1/events", nil)
	if err != nil {
		return fmt.Errorf("follow the events: %w", err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // as in doctor.Call
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w at %s: %w", errUnreachable, c.base, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
		return c.refusal(res.StatusCode, answer)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	var e event
	for lines.Scan() {
		alive()
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Event = value
		case "data":
			e.Data = json.RawMessage(value)
		case "":
			if e.Event != "" {
				if err := tell(e); err != nil {
					return err
				}
			}
			e = event{}
		}
	}
	return nil // it ends with the leadership, or the connection
}
