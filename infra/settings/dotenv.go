package settings

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"github.com/joho/godotenv"
)

// ReadDotenv reads a .env file. A file that does not exist has no values. A file that
// cannot be read or parsed is a Mistake.
func ReadDotenv(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Mistakes{{Name: path, Problem: "cannot be read: " + cause(err).Error()}}
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")) // written by editors on Windows
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) || bytes.IndexByte(content, 0) >= 0 {
		return nil, Mistakes{{Name: path, Problem: "is not UTF-8 (it looks like UTF-16)", Allowed: "the same text saved as UTF-8"}}
	}
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	content, unknown := literalDollars(content)
	if unknown != "" {
		return nil, Mistakes{{Name: path, Problem: "refers to ${" + shown(unknown) + "}, which no line above sets",
			Allowed: "a name that a line above sets; in single quotes a value is taken literally"}}
	}
	values, ok := parseDotenv(content)
	if !ok {
		return nil, Mistakes{{Name: path, Problem: "cannot be parsed" + badLine(content), Allowed: "lines of the form NAME=value"}}
	}
	return values, nil
}

// parseDotenv drops the parser's error, which quotes the rest of the file with its secrets.
func parseDotenv(content []byte) (map[string]string, bool) {
	values, err := godotenv.UnmarshalBytes(content)
	_, nameless := values[""] // the parser returns a last line without = like that
	return values, err == nil && !nameless
}

// badLine returns the number of the first line that cannot be parsed by itself, as a part
// of a sentence.
func badLine(content []byte) string {
	for i, line := range bytes.Split(content, []byte("\n")) {
		if _, ok := parseDotenv(append(bytes.Clone(line), '\n')); !ok {
			return " in line " + strconv.Itoa(i+1)
		}
	}
	return ""
}
