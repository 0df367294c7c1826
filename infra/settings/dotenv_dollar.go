package settings

import (
	"bytes"
	"regexp"
	"strings"
)

// reference matches ${NAME} in a value.
var reference = regexp.MustCompile(`\$\{([^}\n]*)\}?`)

// literalDollars prepares a .env file, whose lines end with \n, for the parser: every
// $ that does not begin a ${NAME} is escaped, since tokens and passwords contain
// dollars and the parser would replace them with nothing; and comments behind values
// are dropped, since the parser takes a comment with a second # for a part of the
// value. unknown is a name that is referred to although no line above sets it.
func literalDollars(content []byte) (out []byte, unknown string) {
	set := map[string]bool{}
	for len(content) > 0 {
		name, head, value, rest := cutLine(content)
		out = append(out, head...)
		if len(value) == 0 || value[0] != '\'' && value[0] != '#' {
			for _, m := range reference.FindAllSubmatch(value, -1) {
				if !set[string(m[1])] {
					return nil, string(m[1])
				}
			}
			value = escapeDollars(value)
		}
		out = append(out, value...)
		content = rest
		set[name] = true
	}
	return out, ""
}

// cutLine splits off the next line: head is everything before the value. A quoted
// value may span several lines. A value that begins with # is a comment in the place
// of a value; Load decides what that means.
func cutLine(content []byte) (name string, head, value, rest []byte) {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	at := bytes.IndexAny(line, "=:")
	if at < 0 || bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
		end := min(len(line)+1, len(content))
		return "", content[:end], nil, content[end:]
	}
	name = nameOf(string(line[:at]))
	at = len(line) - len(bytes.TrimLeftFunc(line[at+1:], isBlank))
	if at < len(line) && (line[at] == '\'' || line[at] == '"') {
		for i := at + 1; i < len(content); i++ {
			if content[i] == content[at] && content[i-1] != '\\' {
				return name, content[:at], content[at : i+1], content[i+1:]
			}
		}
	}
	return name, content[:at], line[at : at+valueSize(line[at:])], content[len(line):]
}

// nameOf returns the name in what stands before the = of a line.
func nameOf(text string) string {
	text = strings.TrimSpace(text)
	if name, ok := strings.CutPrefix(text, "export"); ok && strings.IndexFunc(name, isBlank) == 0 {
		return strings.TrimSpace(name)
	}
	return text
}

// valueSize returns how many bytes of the text are the value: a # with white space
// before it begins a comment.
func valueSize(text []byte) int {
	before := '#'
	for i, r := range string(text) {
		if r == '#' && isBlank(before) {
			return i
		}
		before = r
	}
	return len(text)
}

// isBlank reports whether the parser takes the character for white space within a
// line.
func isBlank(r rune) bool { return strings.ContainsRune(" \t\v\f\u0085\u00a0", r) }

// escapeDollars puts a backslash before each $ that is not escaped and does not begin
// a reference.
func escapeDollars(value []byte) []byte {
	var out []byte
	for i, c := range value {
		if c == '$' && (i == 0 || value[i-1] != '\\') && (i+1 == len(value) || value[i+1] != '{') {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return out
}
