package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kafka-master/console"
	"kafka-master/messages"
)

// overviewAnswer is the overview as the API shows it, as far as commands need it.
type overviewAnswer struct {
	Role     string         `json:"role"`
	Term     uint64         `json:"term"`
	Leader   leaderAnswer   `json:"leader"`
	Files    map[string]int `json:"files"`
	Settling int            `json:"settling"`
	Items    struct {
		Cut, Done, Failed, Dead, Cancelled, Open int64
	} `json:"items"`
	Chunks struct {
		Done, Dead     int64
		Ready, Running int
	} `json:"chunks"`
	ItemsPerS      float64         `json:"items_per_s"`
	ItemsRemaining *int64          `json:"items_remaining"`
	ETA            *time.Time      `json:"eta_at"`
	OldestReadyS   float64         `json:"oldest_ready_s"`
	Workers        map[string]int  `json:"workers"`
	Dispatch       dispatchAnswer  `json:"dispatch"`
	Problems       []problemAnswer `json:"problems"`
}

type leaderAnswer struct {
	MasterID string `json:"master_id"`
	API      string `json:"api"`
}

type problemAnswer struct {
	Kind  string     `json:"kind"`
	Part  string     `json:"part"`
	Text  string     `json:"text"`
	Since *time.Time `json:"since"`
	Count int        `json:"count"`
	Cures []struct {
		Text    string `json:"text"`
		Command string `json:"command"`
	} `json:"cures"`
}

// status is the command that shows everything at a glance.
func (c command) status() *cobra.Command {
	return c.verb(verb{
		use: "status", short: "Show at a glance whether it moves, when it ends, and what is wrong",
		example: "  kafka-master status --watch\n  kafka-master status -o json | jq .eta_at\n  kafka-master status --api master-2:3001",
		args:    noArgs,
		print: func(ctx context.Context, r *remote, _ []string) (page, error) {
			o, raw, err := r.overview(ctx)
			return statusPage(o, raw, r.ownCommand, time.Now()), err
		},
	})
}

// overview asks for the overview.
func (r *remote) overview(ctx context.Context) (o overviewAnswer, raw json.RawMessage, err error) {
	if err = r.client.get(ctx, "/api/v1/overview", &raw); err != nil {
		return o, raw, err
	}
	if err = json.Unmarshal(raw, &o); err != nil {
		err = fmt.Errorf("read the overview: %w", err)
	}
	return o, raw, err
}

// statusPage shows the overview in two columns, and below the problems with what can be done
// about each. own makes a command one that can be typed here.
func statusPage(o overviewAnswer, raw json.RawMessage, own func(string) string, now time.Time) page {
	p := page{answer: raw, head: []string{"PART", "STATE"}, block: true}
	row := func(name, format string, args ...any) *cell {
		p.rows = append(p.rows, []cell{text(name), {text: fmt.Sprintf(format, args...)}})
		return &p.rows[len(p.rows)-1][1]
	}
	row("leader", "%s at %s, term %d", messages.Clean(o.Leader.MasterID, 80), messages.Clean(o.Leader.API, 80), o.Term)
	row("files", "%s%s", byState(o.Files), settlingText(o.Settling))
	row("items", "%s", o.itemsText())
	moving := row("speed", "%s", o.speedText(now))
	if o.ItemsPerS > 0 {
		moving.tone = goodTone
	}
	row("chunks", "%s", o.chunksText())
	if o.Dispatch.Paused || o.Dispatch.MaxItemsPerS != nil {
		row("hand-out", "%s", o.Dispatch.text(now)).tone = warnTone
	}
	row("workers", "%s", byState(o.Workers))
	if len(o.Problems) == 0 {
		row("problems", "none").tone = goodTone
	}
	for i, x := range o.Problems {
		name := ""
		if i == 0 {
			name = "problems"
		}
		c := row(name, "%s (%s, for %s)", messages.CleanLine(x.Text, 500), x.Kind, ago(x.Since, now))
		c.tone = badTone
		if x.Kind == string(messages.ProblemNoFiles) {
			c.tone = plainTone
		}
		for _, cure := range x.Cures {
			row("", "  %s", cureText(cure.Text, cure.Command, own))
		}
	}
	return p
}

// cureText is what can be done about a problem, with the command to copy at its end.
func cureText(text, command string, own func(string) string) string {
	if command == "" {
		return messages.CleanLine(text, 200)
	}
	return messages.CleanLine(text, 200) + ": " + messages.CleanLine(own(command), 700)
}

// ago formats how long ago a time was, - when it is not known.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	return console.Span(max(0, now.Sub(*t)))
}

func settlingText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s not taken yet", humanize.Comma(int64(n)))
}

// byState lists the states that something is in, with their numbers.
func byState(states map[string]int) string {
	sum := 0
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		if n := states[state]; n > 0 {
			sum += n
			parts = append(parts, humanize.Comma(int64(n))+" "+strings.ReplaceAll(state, "_", " "))
		}
	}
	if sum == 0 {
		return "none"
	}
	return humanize.Comma(int64(sum)) + ": " + strings.Join(parts, ", ")
}

func (o overviewAnswer) itemsText() string {
	ended := o.Items.Done + o.Items.Failed + o.Items.Dead
	out := humanize.Comma(o.Items.Done) + " done"
	if o.ItemsRemaining != nil && *o.ItemsRemaining > 0 {
		all := ended + *o.ItemsRemaining
		out += fmt.Sprintf(" of about %s, %.1f%%", humanize.Comma(all), min(99.9, 100*float64(ended)/float64(all)))
	}
	for _, x := range []struct {
		n    int64
		name string
	}{{o.Items.Failed, "failed"}, {o.Items.Dead, "dead"}, {o.Items.Cancelled, "cancelled"}} {
		if x.n > 0 {
			out += fmt.Sprintf("; %s %s", humanize.Comma(x.n), x.name)
		}
	}
	return out
}

func (o overviewAnswer) speedText(now time.Time) string {
	working := o.Items.Open > 0 || o.Files["running"] > 0 || o.Settling > 0
	switch {
	case !working:
		return "nothing is left to do"
	case o.Dispatch.Paused && o.ItemsPerS == 0:
		return "paused"
	case o.ItemsPerS == 0:
		return "nothing ends at the moment"
	case o.ETA == nil:
		return console.PerSecond(o.ItemsPerS) + ", the end is not known yet"
	}
	return console.PerSecond(o.ItemsPerS) + ", ends in " + console.Until(*o.ETA, now)
}

func (o overviewAnswer) chunksText() string {
	out := humanize.Comma(int64(o.Chunks.Running)) + " at workers, " + humanize.Comma(int64(o.Chunks.Ready)) + " waiting"
	if o.OldestReadyS >= 1 {
		out += ", the oldest for " + console.Span(time.Duration(o.OldestReadyS*float64(time.Second)))
	}
	return out
}
