package settings

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"github.com/joho/godotenv"
)

// ReadDotenv reads a .env file. A file that does not exist holds nothing; one
// that cannot be read or understood is a Mistake.
func ReadDotenv(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Mistakes{{Name: path, Problem: "cannot be read: " + cause(err).Error()}}
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")) // of editors on Windows
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) || bytes.IndexByte(content, 0) >= 0 {
		return nil, Mistakes{{Name: path, Problem: "is not a text in UTF-8 (it looks like UTF-16)", Allowed: "the same text saved as UTF-8"}}
	}
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	content, unknown := literalDollars(content)
	if unknown != "" {
		return nil, Mistakes{{Name: path, Problem: "refers to ${" + shown(unknown) + "}, which no line above it sets",
			Allowed: "the name of a line above; between single quotes a value is taken as it stands"}}
	}
	values, ok := parseDotenv(content)
	if !ok {
		return nil, Mistakes{{Name: path, Problem: "cannot be understood" + badLine(content), Allowed: "lines of the form NAME=value"}}
	}
	return values, nil
}

// parseDotenv drops the error: it quotes the rest of the file, secrets included.
func parseDotenv(content []byte) (map[string]string, bool) {
	values, err := godotenv.UnmarshalBytes(content)
	_, nameless := values[""] // what godotenv makes of a last line without =
	return values, err == nil && !nameless
}

// badLine names the first line that is wrong by itself.
func badLine(content []byte) string {
	for i, line := range bytes.Split(content, []byte("\n")) {
		if _, ok := parseDotenv(append(bytes.Clone(line), '\n')); !ok {
			return " in line " + strconv.Itoa(i+1)
		}
	}
	return ""
}
