package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"kafka-master/messages"
)

var errNotWhole = errors.New("is not a whole number")

// whole accepts a decimal number from low to high.
func whole(low, high int, unit string, at func(*Settings) *int) rule {
	allowed := fmt.Sprintf("a whole number from %s to %s", humanize.Comma(int64(low)), humanize.Comma(int64(high)))
	if unit != "" {
		allowed += " (" + unit + ")"
	}
	return rule{allowed, func(s *Settings, text string) error {
		digits := strings.TrimPrefix(text, "-")
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return errNotWhole
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return errors.New("is out of range")
		}
		*at(s) = n
		return nil
	}}
}

// Auto is the value of a number that the program chooses by itself.
const Auto = -1

// wholeOrAuto accepts a whole number or the word auto.
func wholeOrAuto(low, high int, unit string, at func(*Settings) *int) rule {
	number := whole(low, high, unit, at)
	return rule{"auto, or " + number.allowed, func(s *Settings, text string) error {
		if strings.EqualFold(text, "auto") {
			*at(s) = Auto
			return nil
		}
		return number.set(s, text)
	}}
}

func port(at func(*Settings) *int) rule { return whole(1, 65_535, "", at) }

// duration accepts 60, 60s or 1m; a number without a unit means seconds.
func duration(low, high time.Duration, at func(*Settings) *time.Duration) rule {
	allowed := fmt.Sprintf("%s to %s, as seconds (60) or with a unit (60s, 1m)", short(low), short(high))
	return rule{allowed, func(s *Settings, text string) error {
		if strings.Trim(text, "0123456789") == "" {
			text += "s"
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("is not a duration")
		}
		if d < low || d > high {
			return errors.New("is out of range")
		}
		*at(s) = d
		return nil
	}}
}

func boolean(at func(*Settings) *bool) rule {
	return rule{"true or false", func(s *Settings, text string) error {
		switch strings.ToLower(text) {
		case "true", "1", "yes", "on":
			*at(s) = true
		case "false", "0", "no", "off":
			*at(s) = false
		default:
			return errors.New("is neither true nor false")
		}
		return nil
	}}
}

func deadLimit(at func(*Settings) *messages.DeadLimit) rule {
	return rule{"a number of items, or a share above 0% up to 100%", func(s *Settings, text string) error {
		l, err := messages.ParseDeadLimit(text)
		if err != nil {
			return err
		}
		*at(s) = l
		return nil
	}}
}

// oneOf accepts one of the words, in upper or lower case, and stores it as it is given here.
func oneOf(at func(*Settings) *string, words ...string) rule {
	return rule{"one of " + strings.Join(words, ", "), func(s *Settings, text string) error {
		for _, w := range words {
			if strings.EqualFold(w, text) {
				*at(s) = w
				return nil
			}
		}
		return errors.New("is not one of them")
	}}
}

// label accepts a name that is only compared and shown.
func label(limit int, at func(*Settings) *string) rule {
	allowed := fmt.Sprintf("1 to %d bytes of printable text", limit)
	return rule{allowed, func(s *Settings, text string) error {
		if len(text) > limit {
			return fmt.Errorf("has %d bytes", len(text))
		}
		if !printable(text) {
			return errors.New("has characters that cannot be printed")
		}
		*at(s) = text
		return nil
	}}
}

// keyName accepts a name that becomes a part of keys.
func keyName(at func(*Settings) *string) rule {
	return rule{"1 to 64 of the characters a-z A-Z 0-9 . _ -", func(s *Settings, text string) error {
		if len(text) > 64 || strings.Trim(text, nameBytes) != "" {
			return errors.New("cannot be part of a key")
		}
		*at(s) = text
		return nil
	}}
}

func topic(at func(*Settings) *string) rule {
	return rule{"1 to 249 of the characters a-z A-Z 0-9 . _ -", func(s *Settings, text string) error {
		if len(text) > 249 || text == "." || text == ".." || strings.Trim(text, nameBytes) != "" {
			return errors.New("cannot be the name of a topic")
		}
		*at(s) = text
		return nil
	}}
}

// folder accepts the path of a folder. The folder need not exist: its users create it, or
// report why they cannot.
func folder(at func(*Settings) *string) rule {
	return rule{"the path of a folder", func(s *Settings, text string) error {
		if !printable(text) {
			return errors.New("has characters that cannot be printed")
		}
		*at(s) = text
		return nil
	}}
}

// below accepts a relative path that does not lead out of its parent folder.
func below(at func(*Settings) *string) rule {
	return rule{"a relative path without ..", func(s *Settings, text string) error {
		if !printable(text) || !filepath.IsLocal(slashed(text)) {
			return errors.New("is not below CLIENT_DATA_PATH (which can be any folder)")
		}
		*at(s) = text
		return nil
	}}
}

// file accepts the path of a file that can be read now.
func file(at func(*Settings) *string) rule {
	return rule{"the path of a file that can be read", func(s *Settings, text string) error {
		f, err := os.Open(text)
		if err != nil {
			return cause(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return errors.New("is a folder")
		}
		*at(s) = text
		return nil
	}}
}

func password(at func(*Settings) *Secret) rule {
	return rule{"any text", func(s *Settings, text string) error {
		*at(s) = NewSecret(text)
		return nil
	}}
}

// cause returns the error of the system without the path, which is shown as the value.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// nameBytes are the characters that are allowed in names of topics and hosts.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

// short writes 24h0m0s as 24h.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
