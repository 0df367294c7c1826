package messages

import (
	"fmt"
	"strings"
)

// ShellWord returns a word as a shell reads it: in quotes where they are needed. What cannot
// be seen is written with its numbers, so that nobody copies it unknowingly.
func ShellWord(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@+="
	switch {
	case word != "" && strings.Trim(word, plain) == "":
		return word
	case strings.IndexFunc(word, func(r rune) bool { return !printable(r) }) < 0:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, c := range []byte(word) {
		if c < 0x20 || c > 0x7e || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}
