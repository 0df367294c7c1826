package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"kafka-master/console"
)

// listed is a list that the API answered, of one page or several.
type listed[T any] struct {
	total int
	rows  []T
	raw   []json.RawMessage // the rows as they came
	next  string
}

// fetch asks for up to limit entries of a list, page by page. noun is the field of the list.
func fetch[T any](ctx context.Context, c *apiClient, path, noun string, q url.Values, limit int) (out listed[T], err error) {
	for {
		q.Set("limit", strconv.Itoa(min(limit-len(out.rows), maxPage)))
		var body map[string]json.RawMessage
		if err := c.get(ctx, path+"?"+q.Encode(), &body); err != nil {
			return out, err
		}
		var raw []json.RawMessage
		for field, to := range map[string]any{"total": &out.total, "next": &out.next, noun: &raw} {
			if len(body[field]) == 0 {
				continue
			}
			if err := json.Unmarshal(body[field], to); err != nil {
				return out, fmt.Errorf("read the answer of %s: %w", path, err)
			}
		}
		for _, x := range raw {
			var row T
			if err := json.Unmarshal(x, &row); err != nil {
				return out, fmt.Errorf("read the answer of %s: %w", path, err)
			}
			out.rows, out.raw = append(out.rows, row), append(out.raw, x)
		}
		if out.next == "" || len(raw) == 0 || len(out.rows) >= limit {
			return out, nil
		}
		q.Set("cursor", out.next)
	}
}

// answer is the list as -o json prints it.
func (l listed[T]) answer(noun string) any {
	if l.raw == nil {
		l.raw = []json.RawMessage{}
	}
	return map[string]any{"total": l.total, noun: l.raw}
}

// note says how much of the list is shown, and what there is to do when it is empty.
func (l listed[T]) note(noun, empty string) []string {
	switch {
	case l.total == 0:
		return []string{empty}
	case len(l.rows) < l.total:
		return []string{"", fmt.Sprintf("%d of %s are shown; --limit shows more", len(l.rows), console.Count(int64(l.total), noun))}
	}
	return nil
}
