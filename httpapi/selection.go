package httpapi

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"

	"kafka-master/messages"
)

// The numbers of entries in an answer with a list.
const (
	// DefaultLimit is the number of entries without the parameter limit.
	DefaultLimit = 100
	// MaxLimit is the largest value of the parameter limit.
	MaxLimit = 1000
)

// selection describes the entries of a list that a call asks for.
type selection struct {
	state string // wanted state, empty for all
	part  string // wanted part of the path in lower case, empty for all
	limit int    // 1 to MaxLimit
	// before is the id below which versions of files are wanted, 0 for all.
	before messages.FileID
}

// selected parses a raw query with the known parameters, which are some of limit, before,
// state and q. The error is a sentence for the client.
func selected(query string, states []string, known ...string) (selection, error) {
	out := selection{limit: DefaultLimit}
	given, err := parameters(query, known...)
	if err != nil {
		return out, err
	}
	if _, ok := given["limit"]; ok {
		if out.limit, err = count(query, "limit", MaxLimit); err != nil {
			return out, err
		}
	}
	if _, ok := given["before"]; ok {
		n, err := count(query, "before", math.MaxInt)
		if err != nil {
			return out, err
		}
		out.before = messages.FileID(n)
	}
	var ok bool
	if out.state, ok = given["state"]; ok && !slices.Contains(states, out.state) {
		return out, fmt.Errorf("state must be one of %s, but it was %q", strings.Join(states, ", "), messages.Clean(out.state, maxShown))
	}
	if out.part, ok = given["q"]; ok && out.part == "" {
		return out, errors.New("q must be a part of a path, but it is empty")
	}
	out.part = strings.ToLower(out.part)
	return out, nil
}

// parameters parses a raw query with no other parameters than the known ones, each at
// most once. A misspelt name is an error, so that nobody takes the answer for a
// selection.
func parameters(query string, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the query cannot be read")
	}
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch n := len(values[name]); {
		case len(known) == 0:
			return nil, fmt.Errorf("this path takes no parameters, but %q was given", messages.Clean(name, maxShown))
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("the parameters are %s, but %q was given", strings.Join(known, ", "), messages.Clean(name, maxShown))
		case n > 1:
			return nil, fmt.Errorf("%s may be given once, but it was given %d times", name, n)
		}
		out[name] = values[name][0]
	}
	return out, nil
}

// names returns the names of all states from the zero value to the last one.
func names[S interface {
	~uint8
	fmt.Stringer
}](last S) []string {
	var out []string
	for s := range last + 1 {
		out = append(out, s.String())
	}
	return out
}
