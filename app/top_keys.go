package app

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"kafka-master/messages"
)

// topKeys are the keys of top, for the help.
var topKeys = [][2]string{
	{"tab", "files or workers"}, {"up, down", "select a line; also j, k, page up, page down"}, {"/", "only files with a text in their path; enter ends it"},
	{"p", "pause or resume the selected file"}, {"P", "pause or resume all hand-outs"}, {"+, -", "raise or lower the priority of the selected file"},
	{"c", "cancel the selected file"}, {"d", "drain the selected worker, or give it chunks again"},
	{"?", "this help"}, {"q", "quit"},
}

// onKey handles a key.
func (s *screen) onKey(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	switch {
	case key == "ctrl+c":
		return tea.Quit
	case s.question != nil:
		q := s.question
		if s.question = nil; key == "y" {
			return q.do
		}
		s.said = errDeclined.Error()
		return nil
	case s.typing:
		return s.onText(k)
	case s.helping:
		s.helping = false
		return nil
	}
	return s.onCommand(key)
}

// onCommand handles a key that is a command.
func (s *screen) onCommand(key string) tea.Cmd {
	switch key {
	case "q", "esc":
		return tea.Quit
	case "?":
		s.helping = true
	case "/":
		s.typing, s.pane = true, paneFiles
	case "tab":
		s.pane = paneWorkers - s.pane
		s.move(0)
	case "up", "k":
		s.move(-1)
	case "down", "j":
		s.move(1)
	case "pgup":
		s.move(-10)
	case "pgdown":
		s.move(10)
	case "P":
		return s.pauseAll()
	case "p", "+", "-":
		if s.pane == paneFiles && s.rows() > 0 {
			return s.steer(s.picture.files.rows[s.at[paneFiles]], key)
		}
	case "c":
		if s.pane == paneFiles && s.rows() > 0 {
			f := s.picture.files.rows[s.at[paneFiles]]
			s.question = &question{fmt.Sprintf("Cancel %s, for good?", f.name()), s.does(func(ctx context.Context, r *remote) error { return r.cancelFile(ctx, f) })}
		}
	case "d":
		if s.pane == paneWorkers && s.rows() > 0 {
			return s.drain(s.picture.workers.rows[s.at[paneWorkers]])
		}
	}
	return nil
}

// onText handles a key while the filter is typed.
func (s *screen) onText(k tea.KeyPressMsg) tea.Cmd {
	switch key := k.String(); key {
	case "enter":
		s.typing = false
	case "esc":
		s.typing, s.filter = false, ""
	case "backspace":
		if runes := []rune(s.filter); len(runes) > 0 {
			s.filter = string(runes[:len(runes)-1])
		}
	default:
		s.filter += k.Text
	}
	return s.take(false)
}

// pauseAll asks whether all hand-outs are to be paused, and resumes them without a question.
func (s *screen) pauseAll() tea.Cmd {
	pause := !s.picture.overview.Dispatch.Paused
	do := s.does(func(ctx context.Context, r *remote) error { return r.steerAll(ctx, map[string]any{"paused": pause}) })
	if !pause {
		return do
	}
	s.question = &question{"Pause all hand-outs?", do}
	return nil
}

// steer changes how a file is steered.
func (s *screen) steer(f fileAnswer, key string) tea.Cmd {
	change := map[string]any{}
	switch key {
	case "p":
		change["paused"] = f.Paused == ""
	case "+":
		change["priority"] = min(f.Priority+1, messages.MaxPriority)
	case "-":
		change["priority"] = max(f.Priority-1, -messages.MaxPriority)
	}
	return s.does(func(ctx context.Context, r *remote) error {
		return r.steerFiles(ctx, []string{fmt.Sprint(f.ID)}, change)
	})
}

// drain drains a worker, or ends its drain.
func (s *screen) drain(w workerAnswer) tea.Cmd {
	action := "drain"
	if w.DrainedBy != "" {
		action = "resume"
	}
	do := s.does(func(ctx context.Context, r *remote) error { return r.actOnWorker(ctx, w.ID, action) })
	if action == "resume" {
		return do
	}
	s.question = &question{fmt.Sprintf("Drain %s?", messages.Clean(w.ID, 80)), do}
	return nil
}
