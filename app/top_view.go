package app

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kafka-master/console"
	"kafka-master/messages"
)

// View implements tea.Model.
func (s *screen) View() tea.View {
	v := tea.NewView(s.content(time.Now()))
	v.AltScreen = true
	return v
}

// content returns all lines of the screen.
func (s *screen) content(now time.Time) string {
	head := s.head(now)
	foot := s.foot()
	room := max(2, s.height-len(head)-len(foot)-2)
	files := min(len(s.picture.files.rows)+1, max(1, room*3/5))
	workers := max(1, room-files)
	lines := append(head, s.list(filesPage(s.picture.files, now), paneFiles, files)...)
	lines = append(lines, "")
	lines = append(lines, s.list(workersPage(s.picture.workers, now), paneWorkers, workers)...)
	if s.helping {
		lines = append(head, help()...)
	}
	for len(lines) < s.height-len(foot) {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, s.height-len(foot))], foot...)
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], s.width, "…")
	}
	return strings.Join(lines, "\n")
}

// head shows the overview. While no master answers it says since when.
func (s *screen) head(now time.Time) []string {
	var b bytes.Buffer
	statusPage(s.picture.overview, nil, s.r.ownCommand, now).table(&b, s.r.coloured())
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	lines = lines[:min(len(lines), max(3, s.height/2))]
	if s.picture.overview.Role == "" {
		lines = []string{"…"}
	}
	if !s.lost.IsZero() {
		lines[0] = reversed("no leader answers for " + console.Span(now.Sub(s.lost)) + "; this is the last picture")
	}
	return append(lines, "")
}

// list shows one of the lists in so many lines, with the selected one among them.
func (s *screen) list(p page, which pane, room int) []string {
	var b bytes.Buffer
	p.notes = nil
	p.table(&b, s.r.coloured())
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(p.rows) == 0 {
		return []string{strings.Join(p.head, "  ")}
	}
	at := min(s.at[which], len(p.rows)-1)
	if which == s.pane {
		lines[at+1] = reversed(ansi.Strip(lines[at+1]))
	}
	rows := max(1, room-1)
	first := max(0, min(at-rows/2, len(p.rows)-rows))
	return append(lines[:1:1], lines[1+first:min(len(lines), 1+first+rows)]...)
}

// reversed returns a text that stands out.
func reversed(text string) string { return "\x1b[7m" + text + "\x1b[0m" }

// foot shows what was done last, or what is asked, and the keys.
func (s *screen) foot() []string {
	line := messages.CleanLine(s.said, 300)
	switch {
	case s.question != nil:
		line = reversed(s.question.text + " [y/N]")
	case s.typing:
		line = "/" + s.filter + "_"
	case line == "" && s.filter != "":
		line = fmt.Sprintf("only files with %q in their path: / changes it, / esc ends it", s.filter)
	}
	return []string{line, "tab list  ↑↓ select  p pause file  P pause all  c cancel  +- priority  d drain worker  / filter  ? help  q quit"}
}

// help explains the keys.
func help() []string {
	lines := []string{"Keys", ""}
	for _, k := range topKeys {
		lines = append(lines, fmt.Sprintf("  %-9s %s", k[0], k[1]))
	}
	return append(lines, "", "Any key goes back.")
}
