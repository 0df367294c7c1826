package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"kafka-master/console"
	"kafka-master/messages"
)

// page is what a command prints of an answer.
type page struct {
	answer any      // for -o json: what the API answered
	head   []string // of the columns
	rows   [][]cell
	notes  []string // lines for people, below the table
	block  bool     // fields of one thing, whose columns need no names for people
	raw    []byte   // the table for programs, if it has a form of its own
}

// cell is one value of a table.
type cell struct {
	text  string // for people
	plain string // for programs; empty means text
	tone  tone
}

// tone is the colour of a cell on a terminal. The text says the same without it.
type tone string

const (
	plainTone tone = ""
	goodTone  tone = "32"
	busyTone  tone = "34"
	warnTone  tone = "33"
	badTone   tone = "31"
)

// text returns a cell that people and programs see alike.
func text(s string) cell { return cell{text: messages.CleanLine(s, 200)} }

// both returns a cell that is shorter for people than for programs.
func both(forPeople, forPrograms string) cell { return cell{text: forPeople, plain: forPrograms} }

const (
	// beginsWithin is how long the first page is asked for of a master that answers "not now":
	// a new leader needs up to that time to begin.
	beginsWithin = 3 * time.Second
	// askAgainAfter is the pause between these questions.
	askAgainAfter = 500 * time.Millisecond
)

// show prints a page, again and again with --watch. While nobody answers, --watch leaves the
// last page, and says since when.
func (r *remote) show(ctx context.Context, get func(context.Context) (page, error)) error {
	var last *page
	var lost time.Time
	began := time.Now()
	for {
		p, err := get(ctx)
		switch {
		case ctx.Err() != nil && r.every > 0:
			return nil
		case err == nil:
			last, lost = &p, time.Time{}
		case last == nil && errors.Is(err, errNotNow) && time.Since(began) < beginsWithin:
			select {
			case <-ctx.Done():
				return err
			case <-time.After(askAgainAfter):
			}
			continue
		case r.every == 0 || last == nil || !errors.Is(err, errUnreachable):
			return err
		case lost.IsZero():
			lost = time.Now()
			r.tellLost(err)
		}
		if err := r.write(*last, lost); err != nil {
			return err
		}
		if r.every == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(r.every):
		}
	}
}

// forPeople reports that the output is read by people and not by programs.
func (r *remote) forPeople() bool { return r.output != "json" && r.output != "tsv" }

// tellLost says once that nobody answers, where the last page cannot say it.
func (r *remote) tellLost(err error) {
	if !r.forPeople() {
		fmt.Fprintln(r.stderr, "kafka-master:", messages.CleanLine(err.Error(), maxLogValue))
	}
}

// write prints one page. lost is since when nobody answers, zero when somebody does: programs
// take every page for a fresh one, so they get none then.
func (r *remote) write(p page, lost time.Time) error {
	if !lost.IsZero() && !r.forPeople() {
		return nil
	}
	var b bytes.Buffer
	terminal := console.IsTerminal(r.stdout)
	if r.every > 0 && terminal {
		b.WriteString("\x1b[H\x1b[2J") // home, and clear
	}
	switch r.output {
	case "json":
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if r.every == 0 {
			e.SetIndent("", "  ")
		}
		if err := e.Encode(p.answer); err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
	case "tsv":
		p.tsv(&b)
	default:
		p.table(&b, terminal && r.coloured())
	}
	if !lost.IsZero() {
		fmt.Fprintf(&b, "\nno leader answers for %s; this is the last picture\n", console.Span(time.Since(lost)))
	}
	_, err := r.stdout.Write(b.Bytes())
	return err
}

// coloured reports whether colours are wanted, see no-color.org.
func (c command) coloured() bool {
	off, _ := c.env("NO_COLOR")
	return off == "" && os.Getenv("TERM") != "dumb"
}

// tsv writes the values for programs, with the names of the columns first.
func (p page) tsv(w io.Writer) {
	if p.raw != nil {
		_, _ = w.Write(p.raw) // into memory
		return
	}
	fmt.Fprintln(w, strings.ToLower(strings.ReplaceAll(strings.Join(p.head, "\t"), " ", "_")))
	for _, row := range p.rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = c.text
			if c.plain != "" {
				cells[i] = c.plain
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
}

// table writes the values for people, in columns.
func (p page) table(w io.Writer, colour bool) {
	widths := make([]int, len(p.head))
	for i, name := range p.head {
		widths[i] = 0
		if !p.block {
			widths[i] = uniseg.StringWidth(name)
		}
		for _, row := range p.rows {
			widths[i] = max(widths[i], uniseg.StringWidth(row[i].text))
		}
	}
	head := make([]cell, len(p.head))
	for i, name := range p.head {
		head[i] = cell{text: name}
	}
	if len(p.head) > 0 && len(p.rows) > 0 {
		rows := p.rows
		if !p.block {
			rows = append([][]cell{head}, rows...)
		}
		for _, row := range rows {
			fmt.Fprintln(w, aligned(row, widths, colour))
		}
	}
	for _, note := range p.notes {
		fmt.Fprintln(w, note)
	}
}

// aligned returns one line of a table.
func aligned(row []cell, widths []int, colour bool) string {
	var b strings.Builder
	for i, c := range row {
		shown := c.text
		if colour && c.tone != plainTone {
			shown = "\x1b[" + string(c.tone) + "m" + shown + "\x1b[0m"
		}
		b.WriteString(shown)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(c.text)+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}
