package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/console"
	"kafka-master/messages"
)

// runTimeAnswer is what can be changed while the masters run.
type runTimeAnswer struct {
	BatchSize  int    `json:"batch_size"`
	Partitions *int   `json:"partitions"`
	LogLevel   string `json:"log_level"`
}

// text is the value of one of the settings.
func (x runTimeAnswer) text(field string) string {
	switch field {
	case "batch_size":
		return strconv.Itoa(x.BatchSize)
	case "partitions":
		if x.Partitions == nil {
			return "unknown"
		}
		return strconv.Itoa(*x.Partitions)
	}
	return x.LogLevel
}

// setNames are the settings that can be set, with the values that complete in the shell.
var setNames = map[string][]string{"batch-size": nil, "partitions": nil, "log-level": {"default", "debug", "info", "warn", "error"}}

// set is the command that changes settings of all masters while they run.
func (c command) set() *cobra.Command {
	return c.verb(verb{
		use: "set batch-size|partitions|log-level VALUE", short: "Change a setting of all masters while they run",
		long: `batch-size is the largest number of items of a chunk that is cut from now on. partitions
is the number of partitions of the topic of the chunks, which only grows. log-level is that
of all masters; "default" gives each its own LOG_LEVEL back.`,
		example: "  kafka-master set batch-size 200\n  kafka-master set log-level debug",
		args:    exactly(2, "the name of a setting and a value"),
		complete: func(_ context.Context, _ *remote, args []string, _ string) []string {
			if len(args) == 0 {
				return []string{"batch-size", "log-level", "partitions"}
			}
			return append([]string{}, setNames[args[0]]...)
		},
		act: func(ctx context.Context, r *remote, args []string) error {
			name, value := args[0], any(args[1])
			if _, known := setNames[name]; !known {
				return fmt.Errorf("%w: %q cannot be set while the masters run: batch-size, partitions and log-level can", errUsage, name)
			}
			if name != "log-level" {
				n, err := strconv.Atoi(args[1])
				if err != nil {
					return fmt.Errorf("%w: %q must be a whole number", errUsage, args[1])
				}
				value = n
			}
			field := strings.ReplaceAll(name, "-", "_")
			var x changedAnswer[runTimeAnswer]
			if err := r.client.patch(ctx, "/api/v1/settings", map[string]any{field: value}, &x); err != nil {
				return err
			}
			return r.changed(name, x.Old.text(field), x.New.text(field))
		},
	})
}

// audit is the command that lists what people changed.
func (c command) audit() *cobra.Command {
	return c.verb(verb{
		use: "audit", short: "List the last 200 changes that people made, the newest first",
		example: "  kafka-master audit -o tsv | grep drain",
		args:    noArgs,
		print: func(ctx context.Context, r *remote, _ []string) (page, error) {
			var x struct {
				Audit json.RawMessage `json:"audit"`
			}
			if err := r.client.get(ctx, "/api/v1/settings", &x); err != nil {
				return page{}, err
			}
			var list []auditAnswer
			err := json.Unmarshal(x.Audit, &list)
			return auditPage(list, x.Audit, time.Now()), err
		},
	})
}

type auditAnswer struct {
	At                           *time.Time
	By, Action, Target, Old, New string
}

func auditPage(list []auditAnswer, raw json.RawMessage, now time.Time) page {
	p := page{answer: raw, head: []string{"WHEN", "WHO", "ACTION", "WHAT", "BEFORE", "AFTER"}}
	if len(list) == 0 {
		p.notes = []string{"Nobody has changed anything."}
	}
	for _, x := range list {
		when := both("-", "")
		if x.At != nil {
			when = both(console.Clock(x.At.Local(), now.Local()), stamp(x.At))
		}
		cells := []cell{when}
		for _, s := range []string{x.By, x.Action, x.Target, x.Old, x.New} {
			cells = append(cells, both(messages.CleanLine(s, 60), messages.CleanLine(s, 1000)))
		}
		p.rows = append(p.rows, cells)
	}
	return p
}
