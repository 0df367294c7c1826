package messages

import (
	"strings"
	"unicode"
)

// Clean makes a foreign text safe for one line of a terminal. Characters that cannot be
// printed become question marks, and the text is cut to a number of characters. Control
// characters (C0 and C1, such as ESC), line ends, and marks that change the direction of
// writing cannot be printed.
func Clean(text string, limit int) string {
	clean := true
	for _, r := range text {
		if clean = printable(r); !clean {
			break
		}
	}
	if clean && len(text) <= limit {
		return text
	}
	var b strings.Builder
	n := 0
	for _, r := range text { // stops early, since a text may be huge
		if n++; n > limit {
			return b.String() + "..."
		}
		if !printable(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CleanLines is Clean for each line of a text.
func CleanLines(text string, limit int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Clean(strings.ReplaceAll(line, "\t", "    "), limit)
	}
	return strings.Join(lines, "\n")
}

func printable(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
