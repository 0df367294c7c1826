package httpapi

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// How much of a list one answer holds.
const (
	// DefaultLimit is how many entries are shown unless the call says otherwise.
	DefaultLimit = 100
	// MaxLimit is the most entries that a call may ask for.
	MaxLimit = 1000
)

// selection is the part of a list that a call asks for.
type selection struct {
	state string // empty is every state
	part  string // of the path, in lower case; empty is every path
	limit int    // 1 to MaxLimit
}

// selected reads a raw query of the known parameters: limit, state and q. The
// error is a sentence for the client.
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
	var ok bool
	if out.state, ok = given["state"]; ok && !slices.Contains(states, out.state) {
		return out, fmt.Errorf("state must be one of %s, but it was %q", strings.Join(states, ", "), clean(out.state, maxShown))
	}
	if out.part, ok = given["q"]; ok && out.part == "" {
		return out, errors.New("q must be a part of a path, but it is empty")
	}
	out.part = strings.ToLower(out.part)
	return out, nil
}

// parameters reads a raw query in which nothing but the known names may stand,
// each at most once. A misspelt name must not look like a list without it.
func parameters(query string, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the query cannot be read")
	}
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch n := len(values[name]); {
		case len(known) == 0:
			return nil, fmt.Errorf("this path takes no parameters, but %q was given", clean(name, maxShown))
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("the parameters are %s, but %q was given", strings.Join(known, ", "), clean(name, maxShown))
		case n > 1:
			return nil, fmt.Errorf("%s may be given once, but it was given %d times", name, n)
		}
		out[name] = values[name][0]
	}
	return out, nil
}

// names lists the names of all states from the zero value to the last one.
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
