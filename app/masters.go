package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/messages"
)

// masterAnswer is a master as the API shows it.
type masterAnswer struct {
	ID         string     `json:"id"`
	Role       string     `json:"role"`
	Term       uint64     `json:"term"`
	API        string     `json:"api"`
	Version    string     `json:"version"`
	StartedAt  *time.Time `json:"started_at"`
	SeenAt     *time.Time `json:"seen_at"`
	LeaseUntil *time.Time `json:"lease_until"`
	BackEnds   []struct {
		Name  string `json:"name"`
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	} `json:"back_ends"`
}

// masters is the command that lists the masters.
func (c command) masters() *cobra.Command {
	return c.verb(verb{
		use: "masters", short: "List the masters: who leads, since when, and what each can reach",
		long:    "Every master answers this itself, also while nobody leads.",
		example: "  kafka-master masters --watch\n  kafka-master masters -o json | jq -r '.masters[] | select(.role == \"leader\").api'",
		args:    noArgs,
		print: func(ctx context.Context, r *remote, _ []string) (page, error) {
			var raw json.RawMessage
			var x struct {
				Masters []masterAnswer `json:"masters"`
				Missing string         `json:"missing"`
			}
			if err := r.client.get(ctx, "/api/v1/masters", &raw); err != nil {
				return page{}, err
			}
			err := json.Unmarshal(raw, &x)
			p := mastersPage(x.Masters, raw, time.Now())
			if x.Missing != "" {
				p.notes = append(p.notes, "", messages.CleanLine(x.Missing, 300))
			}
			return p, err
		},
	})
}

func mastersPage(list []masterAnswer, raw json.RawMessage, now time.Time) page {
	p := page{answer: raw, head: []string{"MASTER", "ROLE", "TERM", "API", "VERSION", "STARTED", "SEEN", "REACHES"}}
	for _, m := range list {
		role := text(m.Role)
		switch m.Role {
		case "leader":
			role.tone = goodTone
		case "standby":
		default:
			role.tone = warnTone
		}
		p.rows = append(p.rows, []cell{
			text(m.ID), role, text(strconv.FormatUint(m.Term, 10)), text(m.API), text(m.Version),
			both(ago(m.StartedAt, now)+" ago", stamp(m.StartedAt)), both(ago(m.SeenAt, now)+" ago", stamp(m.SeenAt)), m.reaches(),
		})
	}
	return p
}

// reaches lists the systems that a master works with, and why it does not reach some.
func (m masterAnswer) reaches() cell {
	var parts []string
	tone := plainTone
	for _, b := range m.BackEnds {
		if b.OK {
			parts = append(parts, b.Name)
			continue
		}
		parts, tone = append(parts, "NOT "+b.Name+": "+b.Error), badTone
	}
	c := text(strings.Join(parts, ", "))
	c.tone = tone
	return c
}

// stepDown is the command that has another master lead.
func (c command) stepDown() *cobra.Command {
	yes := false
	return c.verb(verb{
		use: "step-down", short: "Have the leader give its lease up in order, so that a standby leads",
		long:    "Workers go on meanwhile. Without a standby the same master leads again after some seconds.",
		example: "  kafka-master step-down --yes",
		args:    noArgs,
		flags:   func(f *pflag.FlagSet) { f.BoolVarP(&yes, "yes", "y", false, "do not ask") },
		act: func(ctx context.Context, r *remote, _ []string) error {
			if !yes {
				if err := r.confirm("Have the leader step down?"); err != nil {
					return err
				}
			}
			var x changedAnswer[struct {
				MasterID string `json:"master_id"`
				Term     uint64 `json:"term"`
			}]
			if err := r.client.post(ctx, "/api/v1/masters/step-down", nil, &x); err != nil {
				return err
			}
			name := func(id string, term uint64) string {
				if id == "" {
					return "nobody yet"
				}
				return fmt.Sprintf("%s, term %d", messages.Clean(id, 80), term)
			}
			return r.changed("leader", name(x.Old.MasterID, x.Old.Term), name(x.New.MasterID, x.New.Term))
		},
	})
}
