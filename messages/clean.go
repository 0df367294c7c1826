package messages

import (
	"strings"
	"unicode"
)

// Clean makes a foreign text fit for one line of a terminal: what cannot be printed
// becomes a question mark, and what is longer than most characters is cut. Control
// characters (C0 and C1, ESC among them), line ends, and marks that turn the
// direction of writing cannot be printed.
func Clean(text string, most int) string {
	clean := true
	for _, r := range text {
		if clean = printable(r); !clean {
			break
		}
	}
	if clean && len(text) <= most {
		return text
	}
	var b strings.Builder
	n := 0
	for _, r := range text { // stops early: a text may be huge
		if n++; n > most {
			return b.String() + "..."
		}
		if !printable(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CleanLines is Clean for a text that has line ends of its own.
func CleanLines(text string, most int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Clean(strings.ReplaceAll(line, "\t", "    "), most)
	}
	return strings.Join(lines, "\n")
}

func printable(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
