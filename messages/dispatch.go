package messages

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Dispatch is how people steer all hand-outs together. The zero value hands out everything
// that workers take.
type Dispatch struct {
	// Paused reports that nothing is handed out. What is at workers is brought to its end.
	Paused bool
	// Until is when the pause ends by itself, zero when only a person ends it.
	Until time.Time
	// MaxItemsPerS is how many items are handed out in a second, 0 for no limit.
	MaxItemsPerS float64
	// By and Since are who paused and when; zero while nothing is paused.
	By    string
	Since time.Time
}

// MaxItemRate is the highest rate that can be set, in items per second. Without any limit
// no deployment reaches it.
const MaxItemRate = 1e9

// At returns how hand-outs are steered at that time: a pause may be over by then.
func (d Dispatch) At(now time.Time) Dispatch {
	if d.Paused && !d.Until.IsZero() && !now.Before(d.Until) {
		d = d.resumed()
	}
	return d
}

func (d Dispatch) resumed() Dispatch { return Dispatch{MaxItemsPerS: d.MaxItemsPerS} }

// Why returns why nothing is handed out while it is paused.
func (d Dispatch) Why() Why {
	return Why{Reason: WhyPausedAll, Text: fmt.Sprintf("all hand-outs are %s by %s since %s", d, d.By, d.Since.UTC().Format(time.RFC3339))}
}

// SetDispatch changes how all hand-outs are steered; what is nil stays as it is. The answer
// is a DispatchChanged, once the change is committed, or ErrRange.
type SetDispatch struct {
	Paused       *bool
	Until        *time.Time // zero for a pause that lasts
	MaxItemsPerS *float64   // 0 for no limit
	By           string
}

func (SetDispatch) query() {}

// DispatchChanged is how hand-outs were steered before a change, and how they are now.
type DispatchChanged struct{ Old, New Dispatch }

// Apply returns the state after a change. A pause that is set again begins again with the
// end that the change gives it, but keeps who began it. The error wraps ErrRange.
func (s SetDispatch) Apply(d Dispatch, now time.Time) (Dispatch, error) {
	d = d.At(now)
	if s.MaxItemsPerS != nil {
		if r := *s.MaxItemsPerS; !(r >= 0 && r <= MaxItemRate) {
			return d, fmt.Errorf("%w: max_items_per_s is %s, allowed are 0 (no limit) to %.0f", ErrRange, strconv.FormatFloat(r, 'g', -1, 64), MaxItemRate)
		}
		d.MaxItemsPerS = *s.MaxItemsPerS
	}
	if s.Paused != nil {
		switch {
		case !*s.Paused:
			d = d.resumed()
		case d.Paused:
			d.Until = time.Time{}
		default:
			d.Paused, d.By, d.Since = true, s.By, now.UTC().Truncate(time.Millisecond)
		}
	}
	if s.Until == nil || s.Until.IsZero() {
		if s.Until != nil {
			d.Until = time.Time{}
		}
		return d, nil
	}
	switch {
	case !d.Paused:
		return d, fmt.Errorf("%w: until is the end of a pause, and hand-outs are not paused", ErrRange)
	case !s.Until.After(now):
		return d, fmt.Errorf("%w: until is %s, which is over", ErrRange, s.Until.UTC().Format(time.RFC3339))
	}
	d.Until = s.Until.UTC().Truncate(time.Millisecond)
	return d, nil
}

// String describes the state for the audit.
func (d Dispatch) String() string {
	text := "not paused"
	if d.Paused {
		if text = "paused"; !d.Until.IsZero() {
			text += " until " + d.Until.UTC().Format(time.RFC3339)
		}
	}
	if d.MaxItemsPerS > 0 {
		text += fmt.Sprintf(", at most %s items/s", strconv.FormatFloat(d.MaxItemsPerS, 'f', -1, 64))
	}
	return text
}

// dispatchRecord is the value ValueDispatch.
type dispatchRecord struct {
	Paused       bool       `json:"paused,omitempty"`
	Until        recordTime `json:"until"`
	MaxItemsPerS float64    `json:"max_items_per_s,omitempty"`
	By           string     `json:"by,omitempty"`
	Since        recordTime `json:"since"`
}

// EncodeRecord returns the value ValueDispatch.
func (d Dispatch) EncodeRecord() string {
	return string(marshalRecord(dispatchRecord{
		Paused: d.Paused, Until: newRecordTime(d.Until), MaxItemsPerS: d.MaxItemsPerS, By: d.By, Since: newRecordTime(d.Since),
	}))
}

// DecodeDispatch is the inverse of Dispatch.EncodeRecord. An empty text is the zero value.
// Its error wraps ErrBadRecord.
func DecodeDispatch(record string) (Dispatch, error) {
	if record == "" {
		return Dispatch{}, nil
	}
	var r dispatchRecord
	if err := json.Unmarshal([]byte(record), &r); err != nil {
		return Dispatch{}, fmt.Errorf("%w: dispatch: %v", ErrBadRecord, err)
	}
	if !(r.MaxItemsPerS >= 0) || math.IsInf(r.MaxItemsPerS, 0) {
		return Dispatch{}, fmt.Errorf("%w: dispatch: rate %v", ErrBadRecord, r.MaxItemsPerS)
	}
	return Dispatch{Paused: r.Paused, Until: r.Until.time(), MaxItemsPerS: r.MaxItemsPerS, By: r.By, Since: r.Since.time()}, nil
}
