package messages

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner parses the subset of JSON that our own messages use, about ten times as fast
// as encoding/json: a flat object of strings, whole numbers, and lists of them. It
// declines everything else, and the caller then uses encoding/json, so both always
// agree on what a message means. The strings that it returns share the memory of the
// message.
type scanner struct {
	text     string
	at       int
	declined bool // the text is not in the subset
}

func (s *scanner) decline() {
	s.declined = true
	s.at = len(s.text)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// expect skips white space and then c.
func (s *scanner) expect(c byte) {
	if s.peek() != c {
		s.decline()
		return
	}
	s.at++
}

// more reports whether another element follows in a list or object that ends with end.
// first is true before the first element.
func (s *scanner) more(end byte, first bool) bool {
	switch c := s.peek(); {
	case s.declined:
		return false
	case c == end:
		s.at++
		return false
	case first:
		return true
	case c == ',':
		s.at++
		return true
	}
	s.decline()
	return false
}

// object calls member for each key; member must read the value. A text with the same
// key twice is declined.
func (s *scanner) object(member func(key string)) {
	s.expect('{')
	var seen [32]string
	n := 0
	for first := true; s.more('}', first); first = false {
		key := s.string()
		for _, k := range seen[:n] {
			if k == key {
				s.decline()
			}
		}
		if n == len(seen) {
			s.decline()
		}
		s.expect(':')
		if s.declined {
			return
		}
		seen[n] = key
		n++
		member(key)
	}
	if s.peek() != 0 || s.at < len(s.text) {
		s.decline()
	}
}

// string reads a string.
func (s *scanner) string() string {
	s.expect('"')
	from := s.at
	for i := from; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return s.text[from:i]
		case c == '\\':
			return s.escaped(from, i)
		case c < 0x20:
			s.decline()
			return ""
		}
	}
	s.decline()
	return ""
}

// escaped reads a string that began at from and whose first escape is at i.
func (s *scanner) escaped(from, i int) string {
	var b strings.Builder
	for ; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			b.WriteString(s.text[from:i])
			s.at = i + 1
			return b.String()
		case c < 0x20:
			s.decline()
			return ""
		case c == '\\':
			b.WriteString(s.text[from:i])
			r, size := unescape(s.text[i+1:])
			if size == 0 {
				s.decline()
				return ""
			}
			b.WriteRune(r)
			i += size
			from = i + 1
		}
	}
	s.decline()
	return ""
}

// unescape reads the character after a backslash and returns its size in bytes, or 0
// for something that is no escape or half of a surrogate pair.
func unescape(text string) (r rune, size int) {
	if text == "" {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, text[0]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 1
	}
	if text[0] != 'u' || len(text) < 5 {
		return 0, 0
	}
	n, err := strconv.ParseUint(text[1:5], 16, 32)
	if r = rune(n); err != nil || !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, 5
}

// int reads a whole number of at most 18 digits.
func (s *scanner) int() (n int64) {
	negative := s.peek() == '-'
	if negative {
		s.at++
	}
	from := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		n = n*10 + int64(s.text[s.at]-'0')
		s.at++
		if s.at-from > 18 {
			s.decline()
			return 0
		}
	}
	digits := s.at - from
	if digits == 0 || digits > 1 && s.text[from] == '0' || s.at < len(s.text) && strings.IndexByte(",]} \n\t\r", s.text[s.at]) < 0 {
		s.decline()
		return 0
	}
	if negative && n == 0 {
		s.decline() // encoding/json does not accept it as an unsigned number
	}
	if negative {
		return -n
	}
	return n
}

// bool reads true or false.
func (s *scanner) bool() bool {
	s.peek()
	for _, word := range [...]string{"true", "false"} {
		if strings.HasPrefix(s.text[s.at:], word) {
			s.at += len(word)
			return word == "true"
		}
	}
	s.decline()
	return false
}

// strings reads a list of strings.
func (s *scanner) strings() []string {
	s.expect('[')
	list := make([]string, 0, s.quotes()/2)
	for first := true; s.more(']', first); first = false {
		list = append(list, s.string())
	}
	return list
}

// quotes counts the quotation marks up to the next closing bracket. That is twice the
// length of the list that begins here, unless an item contains one of these characters.
func (s *scanner) quotes() int {
	rest := s.text[min(s.at, len(s.text)):]
	if end := strings.IndexByte(rest, ']'); end >= 0 {
		rest = rest[:end]
	}
	return strings.Count(rest, `"`)
}

// numbers reads a list of numbers that fit into 32 bits.
func (s *scanner) numbers() []int32 {
	s.expect('[')
	list := []int32{}
	for first := true; s.more(']', first); first = false {
		n := s.int()
		if int64(int32(n)) != n {
			s.decline()
		}
		list = append(list, int32(n))
	}
	return list
}

// pairs reads a list of pairs of numbers.
func (s *scanner) pairs() [][2]int64 {
	s.expect('[')
	list := [][2]int64{}
	for first := true; s.more(']', first); first = false {
		s.expect('[')
		a := s.int()
		s.expect(',')
		b := s.int()
		s.expect(']')
		list = append(list, [2]int64{a, b})
	}
	return list
}

// raw reads a number or a list of pairs of numbers and returns its text.
func (s *scanner) raw() []byte {
	list := s.peek() == '['
	from := s.at
	if list {
		s.pairs()
	} else {
		s.int()
	}
	return []byte(s.text[from:s.at])
}

// scan parses value as an object; ok is false when the scanner declined it.
func scan(value []byte, member func(s *scanner, key string)) (ok bool) {
	if !utf8.Valid(value) {
		return false
	}
	s := scanner{text: string(value)}
	s.object(func(key string) { member(&s, key) })
	return !s.declined
}
