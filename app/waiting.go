package app

import (
	"context"
	"encoding/json"
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

// waitingAnswer is a file of the folder that is not taken yet.
type waitingAnswer struct {
	Path       string     `json:"path"`
	Size       int64      `json:"size"`
	ModifiedAt *time.Time `json:"modified_at"`
	Since      *time.Time `json:"since"`
	Settled    bool       `json:"settled"`
	Priority   int        `json:"priority"`
	Why        *whyAnswer `json:"why"`
}

// errNotTaken says that what is asked for needs a file in work.
var errNotTaken = errors.New("not taken into work yet")

func (f waitingAnswer) state() string {
	if f.Settled {
		return "waiting"
	}
	return "settling"
}

// findWaiting returns the file with a path that is not taken yet, and whether there is one.
func (r *remote) findWaiting(ctx context.Context, name string) (f waitingAnswer, found bool, err error) {
	path := strings.TrimPrefix(name, "./")
	if path == "" {
		return f, false, nil
	}
	list, err := fetch[waitingAnswer](ctx, r.client, "/api/v1/waiting", "files", url.Values{"q": {path}}, maxPage)
	for _, f := range list.rows {
		if f.Path == path {
			return f, true, err
		}
	}
	return f, false, err
}

// unknownFile is the error of a file that no master has a record of. One that is in the folder
// is only not taken yet.
func (r *remote) unknownFile(ctx context.Context, name string) error {
	f, waits, err := r.findWaiting(ctx, name)
	if err != nil || !waits {
		return fmt.Errorf("%w: %q; \"kafka-master files\" lists them, with --waiting those that are not taken yet", errNoFile, name)
	}
	return fmt.Errorf("%q is %w: it %s. Until then only its priority can be set, with %q", name, errNotTaken, f.Why.text(), r.ownCommand("kafka-master priority "+messages.ShellWord(f.Path)+" N"))
}

// prioritise sets the priority of a file, also of one that is not taken yet.
func prioritise(ctx context.Context, r *remote, name string, change map[string]any) error {
	f, waits, err := r.findWaiting(ctx, name)
	if err != nil {
		return err
	}
	if !waits {
		return r.steerFiles(ctx, []string{name}, change)
	}
	var x changedAnswer[waitingAnswer]
	if err := r.client.patch(ctx, "/api/v1/waiting", map[string]any{"path": f.Path, "priority": change["priority"]}, &x); err != nil {
		return err
	}
	text := func(f waitingAnswer) string { return fmt.Sprintf("not taken yet, priority %d", f.Priority) }
	return r.changed(messages.Clean(f.Path, 200), text(x.Old), text(x.New))
}

// waitingPage lists the files that are not taken yet.
func waitingPage(list listed[waitingAnswer], now time.Time) page {
	p := page{
		answer: list.answer("files"), head: []string{"FILE", "STATE", "SIZE", "UNCHANGED", "PRIORITY", "WHY"},
		notes: list.note("file", "Every file of the folder was taken into work."),
	}
	for _, f := range list.rows {
		p.rows = append(p.rows, []cell{
			both(messages.Clean(f.Path, 200), f.Path), text(f.state()), both(humanize.Bytes(uint64(max(0, f.Size))), strconv.FormatInt(f.Size, 10)),
			both(ago(f.Since, now), stamp(f.Since)), text(strconv.Itoa(f.Priority)), text(f.Why.text()),
		})
	}
	return p
}

// waitingNote is how many more files are not taken yet; nothing when that cannot be told.
func (r *remote) waitingNote(ctx context.Context, q url.Values) []string {
	var x struct{ Total int }
	if err := r.client.get(ctx, "/api/v1/waiting?"+url.Values{"limit": {"1"}, "q": q["q"]}.Encode(), &x); err != nil || x.Total == 0 {
		return nil
	}
	return []string{"", fmt.Sprintf("Not taken into work yet: %s. %s lists them, and why.", console.Count(int64(x.Total), "file"), r.ownCommand("kafka-master files --waiting"))}
}

// waitingFilePage shows one file that is not taken yet.
func waitingFilePage(f waitingAnswer, now time.Time) (page, error) {
	raw, err := json.Marshal(f)
	return page{answer: json.RawMessage(raw), head: []string{"FIELD", "VALUE"}, block: true, rows: [][]cell{
		{text("file"), both(messages.Clean(f.Path, 200), f.Path)},
		{text("state"), both("not taken yet", f.state())},
		{text("waits"), text(f.Why.text())},
		{text("priority"), text(strconv.Itoa(f.Priority))},
		{text("size"), both(humanize.Bytes(uint64(max(0, f.Size))), strconv.FormatInt(f.Size, 10))},
		{text("unchanged"), both(ago(f.Since, now), stamp(f.Since))},
	}}, err
}
