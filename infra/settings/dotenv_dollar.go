package settings

import (
	"bytes"
	"regexp"
	"strings"
)

// braced is what counts as a reference in a value: ${NAME}.
var braced = regexp.MustCompile(`\$\{([^}\n]*)\}?`)

// literalDollars makes every $ in a .env file one that stands for itself, but for
// those of ${NAME}: tokens and passwords have dollars in them, and the parser would
// take what follows for a name and drop both. unknown is a name that is referred to
// and not set by a line above.
func literalDollars(content []byte) (out []byte, unknown string) {
	set := map[string]bool{}
	for len(content) > 0 {
		name, head, value, rest := cutLine(content)
		out = append(out, head...)
		if len(value) == 0 || value[0] != '\'' {
			for _, m := range braced.FindAllSubmatch(value, -1) {
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

// cutLine takes the next line apart: everything before its value, and the value
// itself, which may be quoted and then go on over line ends. A comment is no value.
func cutLine(content []byte) (name string, head, value, rest []byte) {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	end := min(len(line)+1, len(content))
	at := bytes.IndexAny(line, "=:")
	if at < 0 || strings.HasPrefix(strings.TrimSpace(string(line)), "#") {
		return "", content[:end], nil, content[end:]
	}
	name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(line[:at])), "export "))
	for at++; at < len(line) && (line[at] == ' ' || line[at] == '\t'); at++ {
	}
	if at < len(line) && (line[at] == '\'' || line[at] == '"') {
		for i := at + 1; i < len(content); i++ {
			if content[i] == content[at] && content[i-1] != '\\' {
				return name, content[:at], content[at : i+1], content[i+1:]
			}
		}
	}
	if comment := bytes.Index(line[at:], []byte(" #")); comment >= 0 {
		return name, content[:at], content[at : at+comment], content[at+comment:]
	}
	return name, content[:at], content[at:end], content[end:]
}

// escapeDollars puts a backslash before each $ that is neither escaped nor braced.
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
