package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"
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
	// failedListEnd ends the name of the list of failed lines that a merge writes beside
	// the folders. No folder has such a name.
	failedListEnd = ".failed.txt"

	capitalsMark = "%+" // followed by the places of the capitals
	digestMark   = "%~" // followed by a digest of the path
	digestDigits = 16
)

// GenerationFolder returns the name of the folder for the results of one version of a
// file: ResultFolder for the first one, followed by "@" and the generation for others.
func GenerationFolder(file string, generation int) string {
	if generation < 2 {
		return ResultFolder(file)
	}
	return ResultFolder(file) + "@" + strconv.Itoa(generation)
}

// ResultFolder returns the name of the folder for a file's results. It is a single
// path component whatever the path of the file is. Different files have different
// names, also on file systems that ignore case or the Unicode form of a name. Bytes
// that a file system may refuse are escaped as "%" and two hexadecimal digits;
// docs/protocol.md describes the rule.
func ResultFolder(file string) string {
	escaped, cut := escapeName(file)
	mark := ""
	switch {
	case !isASCII(file):
		mark = digestMark
	case hasCapitals(file):
		mark = capitalsMark + capitals(file)
	}
	if mark == digestMark || len(escaped)+len(mark) > maxResultFolder {
		sum := sha256.Sum256([]byte(file))
		mark = digestMark + hex.EncodeToString(sum[:digestDigits/2])
	}
	if len(escaped)+len(mark) > maxResultFolder {
		escaped = escaped[:cut]
	}
	return escaped + mark
}

// FormerResultFolder returns the name that earlier versions gave to the folder of all
// generations of a file. It has no mark unless the name is too long.
func FormerResultFolder(file string) string {
	escaped, cut := escapeName(file)
	if strings.HasSuffix(file, failedListEnd) {
		escaped = strings.TrimSuffix(escaped, "%2Etxt") + ".txt"
	}
	if len(escaped) <= maxResultFolder {
		return escaped
	}
	sum := sha256.Sum256([]byte(file))
	return escaped[:cut] + digestMark + hex.EncodeToString(sum[:digestDigits/2])
}

// escapeName returns the escaped name, and the length at which it can be cut so that a
// digest fits.
func escapeName(file string) (escaped string, cut int) {
	switch file {
	case "":
		return noFile, 0
	case noFile:
		return escapeByte(noFile[0]), 0
	}
	var b strings.Builder
	for i := 0; i < len(file); {
		r, n := utf8.DecodeRuneInString(file[i:])
		if r == utf8.RuneError && n == 1 || n == 1 && escapes(file, i) {
			b.WriteString(escapeByte(file[i]))
		} else {
			b.WriteString(file[i : i+n])
		}
		i += n
		if b.Len() <= maxResultFolder-len(digestMark)-digestDigits {
			cut = b.Len()
		}
	}
	return b.String(), cut
}

// escapes reports whether the one-byte character at i has to be escaped.
func escapes(file string, i int) bool {
	c := file[i]
	switch {
	case c < 0x20 || c == 0x7f || strings.IndexByte(escapedBytes, c) >= 0:
		return true
	case i == 0 && (c == '.' || isDevice(file)):
		return true
	case file[i:] == ".txt" && strings.HasSuffix(file, failedListEnd):
		return true
	}
	return i == len(file)-1 && (c == '.' || c == ' ')
}

// isDevice reports whether the name means a device on Windows, such as CON or NUL,
// whatever follows the first dot.
func isDevice(file string) bool {
	name, _, _ := strings.Cut(file, ".")
	name = strings.TrimRight(name, " ")
	if len(name) > 3 && (strings.EqualFold(name[:3], "COM") || strings.EqualFold(name[:3], "LPT")) {
		return utf8.RuneCountInString(name[3:]) == 1 && strings.Contains("0123456789¹²³", name[3:])
	}
	return slices.ContainsFunc([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, func(d string) bool { return strings.EqualFold(name, d) })
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0 }

func hasCapitals(s string) bool { return strings.IndexFunc(s, isCapital) >= 0 }

func isCapital(r rune) bool { return 'A' <= r && r <= 'Z' }

// capitals returns which of the letters A to Z of a name are capitals, as a hexadecimal
// number: its bit n stands for the letter n, counted from 0.
func capitals(file string) string {
	var mask big.Int
	n := 0
	for _, r := range file {
		switch {
		case isCapital(r):
			mask.SetBit(&mask, n, 1)
			n++
		case 'a' <= r && r <= 'z':
			n++
		}
	}
	return mask.Text(16)
}

func escapeByte(c byte) string { return string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}) }
