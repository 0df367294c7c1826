package console

import (
	"fmt"
	"io"
)

// printer writes lines, and keeps the progress bar below them.
type printer struct {
	w   io.Writer
	bar *bar  // nil when none is on the screen
	err error // the first one; nothing is written after it
}

// line writes one or more whole lines in place of the bar.
func (p *printer) line(format string, args ...any) {
	p.clear()
	p.write(fmt.Sprintf(format, args...) + "\n")
}

func (p *printer) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// failure is the first error of the writer.
func (p *printer) failure() error {
	if p.err != nil {
		return fmt.Errorf("show progress: %w", p.err)
	}
	return nil
}

// Write implements io.Writer for the bar.
func (p *printer) Write(b []byte) (int, error) {
	p.write(string(b))
	return len(b), p.err
}

// show draws a bar in place of the last one.
func (p *printer) show(b *bar) {
	p.bar = b
	b.draw(p)
}

// clear takes the bar from the screen.
func (p *printer) clear() {
	if p.bar != nil {
		p.bar = nil
		p.write(eraseLine)
	}
}
