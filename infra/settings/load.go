package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dustin/go-humanize"
)

// maxSecretFile is the largest size of a file with a secret, in bytes.
const maxSecretFile = 64 << 10

// Load reads all variables. Flags (may be nil) have precedence over lookup (os.LookupEnv),
// that over dotenv (see ReadDotenv), and that over the defaults. The error is of type
// Mistakes and contains all of them.
func Load(flags *pflag.FlagSet, lookup func(string) (string, bool), dotenv map[string]string) (Settings, error) {
	l := &loader{flags: flags, lookup: lookup, dotenv: dotenv}
	l.settings.values = map[string]value{}
	for _, v := range Variables() {
		l.read(v)
	}
	l.mistakes = append(l.mistakes, check(&l.settings)...)
	l.settings.warnings = append(l.warnings, warn(&l.settings)...)
	l.settings.typos = mistyped(slices.Collect(maps.Keys(dotenv)), ".env", 3)
	if len(l.mistakes) > 0 {
		return Settings{}, l.mistakes
	}
	return l.settings, nil
}

type loader struct {
	flags    *pflag.FlagSet
	lookup   func(string) (string, bool)
	dotenv   map[string]string
	settings Settings
	mistakes Mistakes
	warnings []string
}

// read finds the text of a variable and sets its value.
func (l *loader) read(v Variable) {
	text, source, err := l.find(v)
	if err != nil {
		l.mistakes = append(l.mistakes, Mistake{Name: v.Name, Source: source, Problem: err.Error()})
		l.setText(v, "", source)
		return
	}
	if source == SourceDefault {
		text = v.Default
		if v.derive != nil {
			text = v.derive(&l.settings)
		}
	}
	l.setText(v, text, source)
	if text == "" {
		return
	}
	if err := v.rule.set(&l.settings, text); err != nil {
		m := Mistake{Name: v.Name, Source: source, Value: text, Problem: err.Error(), Allowed: v.Allowed}
		if v.Secret {
			m.Value = ""
		}
		l.mistakes = append(l.mistakes, m)
	}
}

// setText stores the text of a variable and its source. The text of a secret is not stored.
func (l *loader) setText(v Variable, text, source string) {
	if v.Secret {
		text = ""
	}
	l.settings.values[v.Name] = value{text: text, source: source}
}

// find returns the text from the first source that has one.
func (l *loader) find(v Variable) (text, source string, err error) {
	if v.Flag != "" && l.flags != nil {
		if f := l.flags.Lookup(v.Flag); f != nil && f.Changed {
			if text = strings.TrimSpace(f.Value.String()); text != "" {
				return text, SourceFlag, nil
			}
		}
	}
	for _, place := range []string{SourceEnv, SourceDotenv} {
		text = l.text(v.Name, place, v.Secret)
		if !v.Secret {
			if text != "" {
				return text, place, nil
			}
			continue
		}
		path := l.text(v.Name+"_FILE", place, false)
		if path != "" && text != "" {
			return "", place, fmt.Errorf("is set, and %s_FILE is too; set only one of them", v.Name)
		}
		if path != "" {
			text, err = readSecret(path)
			return text, v.Name + "_FILE", err
		}
		if text != "" {
			return text, place, nil
		}
	}
	return "", SourceDefault, nil
}

// text returns the text from one source. White space around it is removed, except for a
// secret.
func (l *loader) text(name, place string, secret bool) string {
	var text string
	if place == SourceEnv {
		text, _ = l.lookup(name)
	} else {
		text = l.dotenv[name]
		// The sample that people copy has comments in the place of values.
		if strings.HasPrefix(text, "#") {
			if secret {
				l.warnings = append(l.warnings, name+" in .env begins with # and therefore counts as a comment; write it to a file and set "+name+"_FILE.")
			}
			text = ""
		}
	}
	if secret {
		return text
	}
	return strings.TrimSpace(text)
}

// readSecret reads a secret from a file, without line ends at the end of the file.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read from %s: %w", shown(path), cause(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("cannot be read from %s: %w", shown(path), cause(err))
	}
	if len(b) > maxSecretFile {
		return "", fmt.Errorf("has a file of more than %s bytes", humanize.Comma(maxSecretFile))
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		// If an empty file counted as not set, it would open the API to everybody.
		return "", errors.New("has an empty file")
	}
	return text, nil
}
