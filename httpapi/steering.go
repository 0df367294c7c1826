package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// dispatchBody is how all hand-outs are steered.
type dispatchBody struct {
	Paused       bool       `json:"paused" doc:"Whether nothing is handed out."`
	Until        *time.Time `json:"until" doc:"When the pause ends by itself; null for one that lasts."`
	MaxItemsPerS *float64   `json:"max_items_per_s" doc:"How many items are handed out in a second; null for no limit."`
	By           string     `json:"by" doc:"Who paused, empty when nothing is paused."`
	Since        *time.Time `json:"since" doc:"Since when it is paused."`
}

// setDispatchInput changes it. What is left out stays as it is.
type setDispatchInput struct {
	Body struct {
		Paused       *bool               `json:"paused,omitempty" doc:"Pause or resume all hand-outs. A pause without until lasts until it is resumed."`
		Until        optional[time.Time] `json:"until,omitzero" doc:"End of the pause, a time to come; null for none."`
		MaxItemsPerS optional[float64]   `json:"max_items_per_s,omitzero" minimum:"0" maximum:"1000000000" doc:"Items that are handed out in a second; 0 or null for no limit."`
	}
}

// SteeringBody is how a file is steered.
type SteeringBody struct {
	Paused      string     `json:"paused" doc:"Why nothing new of it is begun, or nothing of it is handed out; else empty."`
	PausedBy    string     `json:"paused_by" doc:"Who paused it, empty when no person did."`
	PausedSince *time.Time `json:"paused_since" doc:"Since when that person pauses it."`
	Priority    int        `json:"priority" doc:"A file gets its turn only when no file with a higher one has anything to hand out."`
	Share       int        `json:"share" doc:"Its weight among files of the same priority, in items."`
}

// setFileInput changes it. What is left out stays as it is.
type setFileInput struct {
	ID   messages.FileID `path:"id" minimum:"1" doc:"Number of the version of the file."`
	Body struct {
		Paused   *bool `json:"paused,omitempty" doc:"Pause or resume the file; to resume it also lets it go on in spite of MAX_DEAD."`
		Priority *int  `json:"priority,omitempty" minimum:"-10" maximum:"10" doc:"0 where nobody set one."`
		Share    *int  `json:"share,omitempty" minimum:"1" maximum:"100" doc:"1 where nobody set one."`
	}
}

func (s *Server) registerSteering() {
	register(s, huma.Operation{
		OperationID: "get-dispatch", Method: http.MethodGet, Path: "/dispatch", Summary: "Show whether hand-outs are paused, and their rate",
	}, s.dispatch)
	register(s, huma.Operation{
		OperationID: "set-dispatch", Method: http.MethodPatch, Path: "/dispatch", Summary: "Pause or resume all hand-outs, or bound their rate",
	}, s.setDispatch)
	register(s, huma.Operation{
		OperationID: "set-file", Method: http.MethodPatch, Path: "/files/{id}", Summary: "Pause or resume a file, or change its priority and its share",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.setFile)
}

// dispatch answers with how all hand-outs are steered now.
func (s *Server) dispatch(ctx context.Context, _ *none) (out dispatchBody, err error) {
	o, err := s.leaderOverview(ctx, true)
	return showDispatch(o.Dispatch), err
}

func (s *Server) setDispatch(ctx context.Context, in *setDispatchInput) (out changed[dispatchBody], err error) {
	x, err := ask[messages.DispatchChanged](ctx, s, messages.SetDispatch{
		Paused: in.Body.Paused, Until: in.Body.Until.orZero(), MaxItemsPerS: in.Body.MaxItemsPerS.orZero(), By: by(ctx),
	})
	return changed[dispatchBody]{Old: showDispatch(x.Old), New: showDispatch(x.New)}, err
}

func (s *Server) setFile(ctx context.Context, in *setFileInput) (out changed[SteeringBody], err error) {
	x, err := ask[messages.FileSteered](ctx, s, messages.SetFile{
		ID: in.ID, Paused: in.Body.Paused, Priority: in.Body.Priority, Share: in.Body.Share, By: by(ctx),
	})
	if err != nil {
		return out, err
	}
	return changed[SteeringBody]{Old: showSteering(x.Old), New: showSteering(x.New)}, nil
}

func showDispatch(d messages.Dispatch) dispatchBody {
	out := dispatchBody{Paused: d.Paused, Until: jsonTime(d.Until), By: d.By, Since: jsonTime(d.Since)}
	if d.MaxItemsPerS > 0 {
		out.MaxItemsPerS = &d.MaxItemsPerS
	}
	return out
}

func showSteering(f messages.FileStatus) SteeringBody {
	return SteeringBody{Paused: f.Paused, PausedBy: f.PausedBy, PausedSince: jsonTime(f.PausedSince), Priority: f.Priority, Share: f.Weight()}
}

// leaderOverview asks for the overview of the leader; one that is fresh takes a moment. Only
// the leader knows the files, and what people want.
func (s *Server) leaderOverview(ctx context.Context, fresh bool) (o messages.Overview, err error) {
	o, err = ask[messages.Overview](ctx, s, messages.QueryOverview{Fresh: fresh})
	switch {
	case err != nil || o.Role == "leader":
		return o, err
	case o.Role == "standby":
		return messages.Overview{}, &messages.NotLeader{Leader: o.Leader}
	}
	return messages.Overview{}, fmt.Errorf("%w: the master is %s", messages.ErrUnavailable, o.Role)
}
