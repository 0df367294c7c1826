package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"
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

// CleanLine is Clean for a text whose white space, line ends included, becomes single
// spaces.
func CleanLine(text string, limit int) string {
	return Clean(strings.Join(strings.Fields(text), " "), limit)
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

// CutText returns s cut to at most limit bytes at a character's boundary, as
// valid UTF-8 without control characters but tab and newline. The controls of
// writing direction count as such: they make a text look like another one. It is for
// texts that are stored and sent on, in any script and of several lines; Clean is for
// what a terminal shows.
func CutText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
