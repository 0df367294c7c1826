package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// mastersBody is the answer of /api/v1/masters.
type mastersBody struct {
	Total   int          `json:"total"`
	Masters []masterBody `json:"masters" doc:"In the order of their ids, at most 100."`
	Missing string       `json:"missing" doc:"Why only the master that answers is listed: the heartbeats of others cannot be read."`
}

// masterBody describes a master.
type masterBody struct {
	ID         string        `json:"id"`
	Role       string        `json:"role" enum:"leader,standby,starting,stopping,silent" doc:"silent: it has sent no heartbeat for some seconds."`
	Term       uint64        `json:"term" doc:"The newest one that it knows."`
	API        string        `json:"api" doc:"host:port at which the other masters reach its API."`
	Version    string        `json:"version" doc:"Empty when an earlier version does not say it."`
	StartedAt  *time.Time    `json:"started_at"`
	SeenAt     *time.Time    `json:"seen_at" doc:"Time of its last heartbeat, by its own clock."`
	LeaseUntil *time.Time    `json:"lease_until" doc:"When the lease ends unless it is renewed; null unless it leads."`
	BackEnds   []backEndBody `json:"back_ends" doc:"What it works with: kafka, state, and the leader's input."`
}

// backEndBody describes whether a master reaches a system.
type backEndBody struct {
	Name  string     `json:"name"`
	OK    bool       `json:"ok"`
	Since *time.Time `json:"since" doc:"Since when it is not reached."`
	Error string     `json:"error"`
}

// leadershipBody describes who leads.
type leadershipBody struct {
	MasterID string `json:"master_id" doc:"Empty while nobody leads."`
	API      string `json:"api"`
	Term     uint64 `json:"term"`
}

func (s *Server) registerMasters() {
	register(s, huma.Operation{
		OperationID: "list-masters", Method: http.MethodGet, Path: "/masters", Summary: "List the masters",
		Description: "Every master answers this itself, also while nobody leads.",
	}, s.masters)
	register(s, huma.Operation{
		OperationID: "step-down", Method: http.MethodPost, Path: "/masters/step-down", Summary: "Have the leader give its lease up in order",
		Description: "A standby leads at once. Without one the same master leads again after some seconds.", Errors: []int{http.StatusConflict},
	}, s.stepDown)
}

func (s *Server) masters(ctx context.Context, _ *none) (out mastersBody, err error) {
	all, err := ask[messages.Masters](ctx, s, messages.QueryMasters{})
	if err != nil {
		return out, err
	}
	out = mastersBody{Total: len(all.List), Masters: []masterBody{}, Missing: all.Missing}
	for _, m := range all.List {
		out.Masters = append(out.Masters, showMaster(m))
	}
	return out, nil
}

func (s *Server) stepDown(ctx context.Context, _ *none) (out changed[leadershipBody], err error) {
	x, err := ask[messages.SteppedDown](ctx, s, messages.StepDown{By: by(ctx)})
	if err != nil {
		return out, err
	}
	return changed[leadershipBody]{Old: showLeadership(x.Old), New: showLeadership(x.New)}, nil
}

func showMaster(m messages.MasterStatus) masterBody {
	out := masterBody{
		ID: m.ID, Role: m.Role, Term: m.Term, API: m.API, Version: m.Version, BackEnds: []backEndBody{},
		StartedAt: jsonTime(m.Started), SeenAt: jsonTime(m.Seen), LeaseUntil: jsonTime(m.LeaseUntil),
	}
	for _, b := range m.BackEnds {
		out.BackEnds = append(out.BackEnds, backEndBody{Name: b.Name, OK: b.OK, Since: jsonTime(b.Since), Error: b.Error})
	}
	return out
}

func showLeadership(x messages.Leadership) leadershipBody {
	return leadershipBody{MasterID: x.Leader.MasterID, API: x.Leader.API, Term: x.Term}
}
