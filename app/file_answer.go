package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kafka-master/console"
	"kafka-master/messages"
)

// fileAnswer is a file as the API shows it, as far as commands need it.
type fileAnswer struct {
	ID         uint64 `json:"id"`
	Path       string `json:"path"`
	Generation int    `json:"generation"`
	State      string `json:"state"`
	Reason     string `json:"reason"`
	steeringAnswer
	Why            *whyAnswer `json:"why"`
	Size           int64      `json:"size"`
	Offset         int64      `json:"offset"`
	Cut            int64      `json:"items_cut"`
	Done           int64      `json:"items_done"`
	Failed         int64      `json:"items_failed"`
	Dead           int64      `json:"items_dead"`
	Cancelled      int64      `json:"items_cancelled"`
	ChunksDone     int64      `json:"chunks_done"`
	ChunksDead     int64      `json:"chunks_dead"`
	ChunksReady    int        `json:"chunks_ready"`
	ChunksRunning  int        `json:"chunks_running"`
	ItemsPerS      float64    `json:"items_per_s"`
	ItemsRemaining *int64     `json:"items_remaining"`
	ETA            *time.Time `json:"eta_at"`
	Repeats        int64      `json:"repeats"`
	StartedAt      *time.Time `json:"started_at"`
	EndedAt        *time.Time `json:"ended_at"`
}

// fraction is how much of the file is done, 0 to 1.
func (f fileAnswer) fraction() float64 {
	ended := float64(f.Done + f.Failed + f.Dead)
	switch {
	case f.State == "done" || f.State == "done_with_rejects":
		return 1
	case f.EndedAt != nil && f.Cut > 0 && f.Size > 0: // it was cancelled, changed or failed, perhaps before all of it was cut
		return float64(f.Offset) / float64(f.Size) * ended / float64(f.Cut)
	case f.EndedAt != nil:
		return 0
	case f.ItemsRemaining != nil && ended > 0:
		return ended / (ended + float64(*f.ItemsRemaining))
	}
	return 0
}

// percent is the progress as text. Only what has ended with nothing left out is at 100 %.
func (f fileAnswer) percent() string {
	if share := f.fraction(); f.EndedAt == nil || share < 1 {
		return fmt.Sprintf("%.1f%%", min(99.9, 100*share))
	}
	return "100%"
}

// ended is the text about the end of the file: when it will be, or was.
func (f fileAnswer) ended(now time.Time) cell {
	switch {
	case f.EndedAt != nil:
		return both("ended "+console.Clock(f.EndedAt.Local(), now.Local()), stamp(f.EndedAt))
	case f.ETA != nil:
		return both(console.Until(*f.ETA, now), stamp(f.ETA))
	}
	return both("-", " ")
}

// stamp formats a time for programs.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// name is the file for people.
func (f fileAnswer) name() string {
	if f.Generation > 1 {
		return fmt.Sprintf("%s (version %d)", messages.CleanLine(f.Path, 80), f.Generation)
	}
	return messages.CleanLine(f.Path, 80)
}

// state is the state of the file, which is running although it is paused.
func (f fileAnswer) state() cell {
	c := both(strings.ReplaceAll(f.State, "_", " "), f.State)
	switch {
	case f.Paused != "":
		c.text, c.tone = "paused", warnTone
	case f.State == "running":
		c.tone = busyTone
	case f.State == "done":
		c.tone = goodTone
	default:
		c.tone = badTone
	}
	return c
}

// rejected reports whether the file ended other than with every item done.
func (f fileAnswer) rejected() bool { return f.EndedAt != nil && f.State != "done" }

// number returns a count for people and for programs.
func number(n int64) cell { return both(humanize.Comma(n), strconv.FormatInt(n, 10)) }

// pace returns a rate for people and for programs.
func pace(itemsPerS float64) cell {
	if itemsPerS == 0 {
		return both("-", "0")
	}
	return both(console.PerSecond(itemsPerS), strconv.FormatFloat(itemsPerS, 'f', -1, 64))
}

// findFile returns the newest version of the file with a path, or the one with an id.
func (r *remote) findFile(ctx context.Context, name string) (f fileAnswer, err error) {
	return r.findVersion(ctx, name, 0)
}

// findVersion returns one version of the file with a path, the newest one for 0, or the one
// with an id.
func (r *remote) findVersion(ctx context.Context, name string, generation int) (f fileAnswer, err error) {
	if id, err := strconv.ParseUint(name, 10, 64); err == nil {
		return f, r.client.get(ctx, fmt.Sprintf("/api/v1/files/%d", id), &f)
	}
	path := strings.TrimPrefix(name, "./")
	q := url.Values{}
	if path != "" {
		q.Set("q", path)
	}
	for limit := maxPage; ; limit *= 10 {
		list, err := fetch[fileAnswer](ctx, r.client, "/api/v1/files", "files", q, limit)
		if err != nil {
			return f, err
		}
		for _, f := range list.rows { // newest first
			if f.Path == path && (generation == 0 || max(f.Generation, 1) == generation) {
				return f, nil
			}
		}
		if list.next == "" {
			return f, r.unknownFile(ctx, name)
		}
		q.Del("cursor")
	}
}

// completeFiles returns the paths of the newest files.
func completeFiles(ctx context.Context, r *remote, args []string, typed string) (paths []string) {
	if len(args) > 0 {
		return nil
	}
	q := url.Values{}
	if typed != "" {
		q.Set("q", typed)
	}
	list, err := fetch[fileAnswer](ctx, r.client, "/api/v1/files", "files", q, 200)
	if err != nil {
		return nil
	}
	for _, f := range list.rows {
		paths = append(paths, f.Path)
	}
	return paths
}

// isNoFile reports whether a file is not known (yet).
func isNoFile(err error) bool { return errors.Is(err, errNoFile) || errors.Is(err, errNotTaken) }
