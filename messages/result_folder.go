package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

const (
	// maxResultFolder leaves room in a file name, 255 bytes, for what is put behind
	// the name of a results folder.
	maxResultFolder = 200
	noFile          = "_" // folder of chunks that name no file
	hexDigits       = "0123456789ABCDEF"
	// escapedBytes cannot be in a file name everywhere (Windows and its shares
	// refuse most of them), or have a meaning in names of results.
	escapedBytes = `"*/:<>?\|%@`
)

// ResultFolder is the name of the folder that holds a file's results. It is one
// path component, whatever the path of the file is, and different files have
// different ones. Bytes that a file system may refuse are escaped as "%" and two
// hex digits; docs/protocol.md tells the rule.
func ResultFolder(file string) string {
	switch file {
	case "":
		return noFile
	case noFile:
		return escapeByte(noFile[0])
	}
	var b strings.Builder
	cut := 0 // where a name that is too long can be cut
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

// ResultsOf is the file whose results lie in a folder. ok is false for names that
// ResultFolder does not make, and for those that it had to cut.
func ResultsOf(folder string) (file string, ok bool) {
	if folder == noFile {
		return "", true
	}
	var b []byte
	for i := 0; i < len(folder); i++ {
		c := folder[i]
		if c == '%' {
			if i+2 >= len(folder) {
				return "", false
			}
			high, low := strings.IndexByte(hexDigits, folder[i+1]), strings.IndexByte(hexDigits, folder[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b = append(b, c)
	}
	return string(b), ResultFolder(string(b)) == folder
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

// isDevice reports whether Windows takes the name for a device: CON, NUL and the
// like, whatever follows the first dot.
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
