package httpapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"kafka-master/messages"
)

// maxShown is the number of characters of a wrong value that an error shows.
const maxShown = 40

// count returns a parameter of a raw query as a number. The parameter must be given once
// and consist of decimal digits, and be from 1 to high. The error is a sentence for the
// client.
func count(query, name string, high int) (int, error) {
	sentence := fmt.Sprintf("%s must be a whole number from 1 to %d, given once", name, high)
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, fmt.Errorf("%s, but the query cannot be read", sentence)
	}
	given := values[name]
	if len(given) == 0 {
		return 0, fmt.Errorf("%s, but it is missing", sentence)
	}
	if len(given) > 1 {
		return 0, fmt.Errorf("%s, but it was given %d times", sentence, len(given))
	}
	n, ok := parseCount(given[0], high)
	if !ok {
		return 0, fmt.Errorf("%s, but it was %q", sentence, messages.Clean(given[0], maxShown))
	}
	return n, nil
}

// parseCount parses a number from 1 to high of decimal digits, without sign, space or
// exponent.
func parseCount(text string, high int) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text) // fails only if there are too many digits
	return n, err == nil && n >= 1 && n <= high
}
