package settings

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// maxShown is how much of a wrong value is shown, in characters.
const maxShown = 80

// Mistake is one setting that cannot be used.
type Mistake struct {
	Name    string // the variable
	Source  string // where its value came from: one of the Source constants, or a file
	Value   string // the value, empty when there is none; never of a secret
	Problem string // what is wrong with it
	Allowed string // what is allowed, or what cures it
}

// Error returns one line that names all of it.
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

// Mistakes are all settings that cannot be used. As an error it has one line
// for each.
type Mistakes []Mistake

// Error returns a headline and one line for each mistake.
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

// shown quotes a value that somebody else wrote, on one line and not too long.
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
