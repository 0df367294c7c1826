package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

const (
	// maxResultFolder leaves room for suffixes in a file name, which has at most 255
	// bytes.
	maxResultFolder = 200
	noFile          = "_" // folder of chunks that name no file
	hexDigits       = "0123456789ABCDEF"
	// escapedBytes are bytes that not every file system allows in a file name (Windows
	// and its shares refuse most of them), or that have a meaning in names of results.
	escapedBytes = `"*/:<>?\|%@`
)

// ResultFolder returns the name of the folder for a file's results. It is a single
// path component whatever the path of the file is, and different files have different
// names. Bytes that a file system may refuse are escaped as "%" and two hexadecimal
// digits; docs/protocol.md describes the rule.
func ResultFolder(file string) string {
	switch file {
	case "":
		return noFile
	case noFile:
		return escapeByte(noFile[0])
	}
	var b strings.Builder
	cut := 0 // length at which a name that is too long can be cut
	const mark = "%~"
	digits := 16
	for i := 0; i < len(file); {
		r, n := utf8.DecodeRuneInString(file[i:])
		if r == utf8.RuneError && n == 1 || n == 1 && escapes(file, i) {
			b.WriteString(escapeByte(file[i]))
		} else {
			b.WriteString(file[i : i+n])
		}
		i += n
		if b.Len() <= maxResultFolder-len(mark)-digits {
			cut = b.Len()
		}
	}
	if b.Len() <= maxResultFolder {
		return b.String()
	}
	sum := sha256.Sum256([]byte(file))
	return b.String()[:cut] + mark + hex.EncodeToString(sum[:digits/2])
}

// escapes reports whether the one-byte character at i has to be escaped.
func escapes(file string, i int) bool {
	c := file[i]
	switch {
	case c < 0x20 || c == 0x7f || strings.IndexByte(escapedBytes, c) >= 0:
		return true
	case i == 0 && (c == '.' || isDevice(file)):
		return true
	}
	return i == len(file)-1 && (c == '.' || c == ' ')
}

// isDevice reports whether the name means a device on Windows, such as CON or NUL,
// whatever follows the first dot.
func isDevice(file string) bool {
	name, _, _ := strings.Cut(file, ".")
	name = strings.ToUpper(name)
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(name) == 4 && (name[:3] == "COM" || name[:3] == "LPT") && name[3] >= '0' && name[3] <= '9'
}

func escapeByte(c byte) string { return string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}) }
