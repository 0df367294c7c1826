package worker

import (
	"slices"
	"strings"
)

// environment returns the variables of the worker that a command gets: neither those
// named in hidden nor any with a URL that contains a password.
func environment(own, hidden []string) []string {
	return slices.DeleteFunc(slices.Clone(own), func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return slices.Contains(hidden, name) || hasPassword(value)
	})
}

// hasPassword reports whether the text contains a URL with a password, alone or in a
// list with commas or spaces.
func hasPassword(text string) bool {
	if !strings.Contains(text, "://") {
		return false
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		_, rest, found := strings.Cut(word, "://")
		if !found {
			continue
		}
		authority := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = rest[:end]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 && strings.Contains(authority[:at], ":") {
			return true
		}
	}
	return false
}
