package settings

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// maxShown is the number of characters of a wrong value that are shown.
const maxShown = 80

// Mistake describes a setting that cannot be used.
type Mistake struct {
	Name    string // name of the variable
	Source  string // source of the value: one of the Source constants, or a file
	Value   string // wrong value; always empty for a secret
	Problem string // what is wrong
	Allowed string // allowed values, or the cure
}

// Error returns one line with all fields.
func (m Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.Name)
	if m.Value != "" {
		b.WriteString("=" + shown(m.Value))
	}
	if m.Source != "" {
		b.WriteString(" (" + m.Source + ")")
	}
	b.WriteString(": " + m.Problem)
	if m.Allowed != "" {
		b.WriteString("; allowed: " + m.Allowed)
	}
	return b.String()
}

// Mistakes are all settings that cannot be used. The error has a line for each.
type Mistakes []Mistake

// Error returns a headline and a line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, 0, len(m)+1)
	head := fmt.Sprintf("%d mistakes in the settings:", len(m))
	if len(m) == 1 {
		head = "a mistake in the settings:"
	}
	lines = append(lines, head)
	for _, x := range m {
		lines = append(lines, "  "+x.Error())
	}
	return strings.Join(lines, "\n")
}

// shown returns a foreign value for an error: on one line, not too long, and quoted if
// necessary.
func shown(text string) string {
	if r := []rune(text); len(r) > maxShown {
		text = string(r[:maxShown]) + "…"
	}
	plain := func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || unicode.IsSpace(r) }
	if strings.IndexFunc(text, plain) < 0 {
		return text
	}
	return strconv.Quote(text)
}
