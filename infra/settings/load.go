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
)

// maxSecretFile is the most bytes that a secret's file may have.
const maxSecretFile = 64 << 10

// Load reads all variables: flags (may be nil) win over lookup (os.LookupEnv),
// that wins over dotenv (see ReadDotenv), that wins over the defaults. The error
// is of type Mistakes and holds all of them.
func Load(flags *pflag.FlagSet, lookup func(string) (string, bool), dotenv map[string]string) (Settings, error) {
	l := &loader{flags: flags, lookup: lookup, dotenv: dotenv}
	l.settings.values = map[string]value{}
	for _, v := range Variables() {
		l.read(v)
	}
	l.mistakes = append(l.mistakes, check(&l.settings)...)
	l.settings.warnings = append(l.warnings, warn(&l.settings)...)
	l.settings.typos = strangers(slices.Collect(maps.Keys(dotenv)), ".env", 3)
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

// read finds the text of one variable and stores its value.
func (l *loader) read(v Variable) {
	text, source, err := l.find(v)
	if err != nil {
		l.mistakes = append(l.mistakes, Mistake{Name: v.Name, Source: source, Problem: err.Error()})
		l.note(v, "", source)
		return
	}
	if source == SourceDefault {
		text = v.Default
		if v.derive != nil {
			text = v.derive(&l.settings)
		}
	}
	l.note(v, text, source)
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

func (l *loader) note(v Variable, text, source string) {
	if v.Secret {
		text = ""
	}
	l.settings.values[v.Name] = value{text: text, source: source}
}

// find looks through the places in their order.
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
			return "", place, fmt.Errorf("is set, and %s_FILE too; set one of them", v.Name)
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

// text is what one place says; white space around it is dropped, but kept in a
// secret.
func (l *loader) text(name, place string, secret bool) string {
	var text string
	if place == SourceEnv {
		text, _ = l.lookup(name)
	} else {
		text = l.dotenv[name]
		// The sample that people copy has comments where values belong.
		if strings.HasPrefix(text, "#") {
			if secret {
				l.warnings = append(l.warnings, name+" in .env begins with #, so it counts as a comment and is not set; write it to a file and set "+name+"_FILE.")
			}
			text = ""
		}
	}
	if secret {
		return text
	}
	return strings.TrimSpace(text)
}

// readSecret reads a secret's file; its trailing newline is not part of it.
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
		return "", fmt.Errorf("has a file of more than %s bytes", grouped(maxSecretFile))
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		// Taken as not set, it would open the API to everybody.
		return "", errors.New("has an empty file")
	}
	return text, nil
}
