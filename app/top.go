package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"kafka-master/console"
)

// top is the command that shows and steers everything on a full screen.
func (c command) top() *cobra.Command {
	return c.verb(verb{
		use: "top", short: "Show and steer everything on a full screen",
		long: `Shows what "status", "files" and "workers" show, once a second, until q is pressed. The
keys are at the bottom; ? explains them. While no master answers, the last picture stays.`,
		example: "  kafka-master top\n  kafka-master top --api master-2:3001",
		args:    noArgs,
		act: func(ctx context.Context, r *remote, _ []string) error {
			if !console.IsTerminal(r.stdout) {
				return fmt.Errorf("%w: top needs a terminal; \"kafka-master status --watch\" does without one", errUsage)
			}
			if _, _, err := r.overview(ctx); err != nil { // a wrong address is not worth a screen
				return err
			}
			_, err := tea.NewProgram(newScreen(ctx, r), tea.WithContext(ctx), tea.WithInput(r.stdin), tea.WithOutput(r.stdout)).Run()
			if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
				return nil
			}
			return err
		},
	})
}

// maxOnScreen is how many files, and how many workers, are asked for.
const maxOnScreen = 200

// screen is what top shows. It is a tea.Model.
type screen struct {
	ctx context.Context
	r   *remote

	width, height int
	picture       picture
	lost          time.Time // since when no master answers, zero while one does
	pane          pane      // which of the lists has the cursor
	at            [2]int    // the selected line of each
	filter        string    // part of the path of the files
	typing        bool      // the filter is being typed
	helping       bool
	question      *question // waits for y or n
	said          string    // what the last action did
}

// pane is one of the lists.
type pane int

const (
	paneFiles pane = iota
	paneWorkers
)

// picture is what the API answered at one moment.
type picture struct {
	overview overviewAnswer
	files    listed[fileAnswer]
	workers  listed[workerAnswer]
	filter   string
	due      bool // it is one of those that follow each other
	err      error
}

// question asks whether something is to be done.
type question struct {
	text string
	do   tea.Cmd
}

type (
	look struct{} // it is time for another picture
	said string   // what an action did
)

func newScreen(ctx context.Context, r *remote) *screen {
	return &screen{ctx: ctx, r: r, width: 80, height: 24}
}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return s.take(true) }

// take asks for a picture. One that is due has another one follow; one for a key does not.
func (s *screen) take(due bool) tea.Cmd {
	filter := s.filter
	return func() tea.Msg {
		p := picture{filter: filter, due: due}
		q := url.Values{}
		if filter != "" {
			q.Set("q", filter)
		}
		if p.overview, _, p.err = s.r.overview(s.ctx); p.err == nil {
			p.files, p.err = fetch[fileAnswer](s.ctx, s.r.client, "/api/v1/files", "files", q, maxOnScreen)
		}
		if p.err == nil {
			p.workers, p.err = fetch[workerAnswer](s.ctx, s.r.client, "/api/v1/workers", "workers", url.Values{}, maxOnScreen)
		}
		return p
	}
}

// Update implements tea.Model.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case picture:
		if s.onPicture(m); !m.due {
			return s, nil
		}
		return s, tea.Tick(time.Second, func(time.Time) tea.Msg { return look{} })
	case look:
		return s, s.take(true)
	case said:
		s.said = string(m)
	case tea.KeyPressMsg:
		return s, s.onKey(m)
	}
	return s, nil
}

// onPicture shows a picture. One that could not be taken leaves the last one.
func (s *screen) onPicture(p picture) {
	if p.err != nil {
		if s.lost.IsZero() {
			s.lost = time.Now()
		}
		if !errors.Is(p.err, errUnreachable) {
			s.said = p.err.Error()
		}
		return
	}
	if s.lost = (time.Time{}); p.filter == s.filter {
		s.picture = p
	}
	s.move(0)
}

// rows is how many lines the list with the cursor has.
func (s *screen) rows() int {
	if s.pane == paneFiles {
		return len(s.picture.files.rows)
	}
	return len(s.picture.workers.rows)
}

// move moves the cursor, within the list.
func (s *screen) move(by int) {
	s.at[s.pane] = max(0, min(s.at[s.pane]+by, s.rows()-1))
}

// does runs an action of another command, whose output is shown.
func (s *screen) does(act func(context.Context, *remote) error) tea.Cmd {
	return func() tea.Msg {
		var out lastLine
		r := *s.r
		r.stdout = &out
		if err := act(s.ctx, &r); err != nil {
			return said(err.Error())
		}
		return said(out.text)
	}
}

// lastLine is a writer that keeps what was written last.
type lastLine struct{ text string }

// Write implements io.Writer.
func (l *lastLine) Write(b []byte) (int, error) {
	l.text = string(b)
	return len(b), nil
}
