package console

import (
	"fmt"
	"io"
)

// printer writes lines with the progress bar below them.
type printer struct {
	w   io.Writer
	bar *bar  // bar on the screen, or nil
	err error // first error; nothing is written after it
}

// line removes the bar and writes one or more whole lines.
func (p *printer) line(format string, args ...any) {
	p.clear()
	p.write(fmt.Sprintf(format, args...) + "\n")
}

func (p *printer) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// failure returns the first error of the writer.
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

// show replaces the bar on the screen.
func (p *printer) show(b *bar) {
	p.bar = b
	b.draw(p)
}

// clear removes the bar from the screen.
func (p *printer) clear() {
	if p.bar != nil {
		p.bar = nil
		p.write(eraseLine)
	}
}
