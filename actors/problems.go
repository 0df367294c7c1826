package actors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// problems are the problems that one actor knows of, by keys of its own choice. It has no
// clock and is not safe for concurrent use.
type problems map[string]messages.Problem

// set sets a problem and reports whether it is new. One that lasts keeps the time of its
// beginning; its text and count are replaced.
func (p problems) set(key string, x messages.Problem, now time.Time) (fresh bool) {
	x.Since, x.Count = now, max(1, x.Count)
	former, lasts := p[key]
	if lasts {
		x.Since = former.Since
	}
	p[key] = x
	return !lasts
}

// show sets a problem, or clears it when it concerns nothing.
func (p problems) show(key string, x messages.Problem, now time.Time) (fresh bool) {
	if x.Count == 0 {
		p.clear(key)
		return false
	}
	return p.set(key, x, now)
}

// clear removes a problem and reports whether there was one.
func (p problems) clear(key string) (existed bool) {
	_, existed = p[key]
	delete(p, key)
	return existed
}

// list returns the problems in a stable order.
func (p problems) list() []messages.Problem {
	return slices.SortedFunc(maps.Values(p), compareProblems)
}

// setError sets the problem that an error means, or clears it when there is none.
func (p problems) setError(key string, kind messages.ProblemKind, part string, err error, now time.Time) {
	if err == nil {
		p.clear(key)
	} else {
		p.set(key, messages.Problem{Kind: kind, Part: part, Text: explained(err)}, now)
	}
}

// explained returns the text of an error without its classes, which say nothing to a person
// who reads why something is away.
func explained(err error) string {
	text := err.Error()
	for _, class := range []error{messages.ErrNotWritten, messages.ErrMaybeWritten} {
		text = strings.ReplaceAll(text, class.Error()+": ", "")
	}
	return text
}

// counted returns "1 file" or "2 files".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
