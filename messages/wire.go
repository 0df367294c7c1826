package messages

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of messages from workers, which are untrusted. A message beyond a limit is
// dropped and counted.
const (
	MaxSignalBytes = 1 << 20 // size of a message
	MaxErrorText   = 4 << 10 // bytes of the error text of a failed attempt; longer ones are cut
	MaxNote        = 512     // bytes of a heartbeat's note; longer ones are cut
	// MaxCapacity is the largest number of chunks that a worker gets at once. Its
	// heartbeat lists all of them and must stay below the size of a record.
	MaxCapacity   = 1000
	MaxPartitions = 100_000 // partitions in an announcement
	maxHeld       = 10_000  // chunks in a heartbeat
	maxCapacity   = 10_000  // capacity that a worker may announce; it gets MaxCapacity
	maxTotal      = 1 << 40 // items of a chunk
	MaxVersion    = 64      // bytes of a version
	maxReason     = 256     // bytes of a JSON parser's error
)

// ErrBadSignal is the error of a worker's message that does not follow the protocol.
var ErrBadSignal = errors.New("bad worker message")

type wireSignal struct {
	Status      string   `json:"status,omitempty"`
	ID          string   `json:"id"`
	Partitions  *[]int32 `json:"partitions,omitempty"`
	Protocol    int      `json:"protocol,omitempty"`
	Incarnation string   `json:"incarnation,omitempty"`
	Capacity    int      `json:"capacity,omitempty"`
	Version     string   `json:"version,omitempty"`
	Running     []string `json:"running,omitempty"`
	Queued      []string `json:"queued,omitempty"`
	Next        *int64   `json:"next,omitempty"`
	Recall      bool     `json:"recall,omitempty"`
	Note        string   `json:"note,omitempty"`
	BatchID     string   `json:"batchId,omitempty"`
	Processing  *int64   `json:"processing,omitempty"`
	Total       *int64   `json:"total,omitempty"`
	Attempt     int      `json:"attempt,omitempty"`
	Result      string   `json:"result,omitempty"`
	Error       string   `json:"error,omitempty"`
	Deployment  string   `json:"deployment,omitempty"`
	Offset      int64    `json:"offset,omitempty"`
	Hash        string   `json:"hash,omitempty"`
	// A classic worker may use these names for something else, which must not make its
	// message unreadable.
	Failed      json.RawMessage `json:"failed,omitempty"`
	FailedItems json.RawMessage `json:"failed_items,omitempty"`
	OutputLines json.RawMessage `json:"output_lines,omitempty"`
}

// DecodeSignal decodes a message from either worker topic. Unknown fields are ignored.
// Every error wraps ErrBadSignal.
func DecodeSignal(value []byte) (Signal, error) {
	if len(value) > MaxSignalBytes {
		return Signal{}, fmt.Errorf("%w: %d bytes, at most %d are read", ErrBadSignal, len(value), MaxSignalBytes)
	}
	w, ok := scanSignal(value)
	if !ok {
		var err error
		if w, err = unmarshalSignal(value); err != nil {
			return Signal{}, err
		}
	}
	if err := WorkerID(w.ID).Validate(); err != nil {
		return Signal{}, fmt.Errorf("%w: id: %v", ErrBadSignal, err)
	}
	s := Signal{Worker: WorkerID(w.ID), Protocol: w.Protocol, Next: UnknownOffset}
	if err := s.setIncarnation(w.Incarnation); err != nil {
		return Signal{}, err
	}
	if w.Status == "" {
		return s.progress(w)
	}
	return s.status(w)
}

// unmarshalSignal parses what scanSignal declines.
func unmarshalSignal(value []byte) (w wireSignal, err error) {
	if err := json.Unmarshal(value, &w); err != nil {
		return w, fmt.Errorf("%w: %s", ErrBadSignal, CutText(err.Error(), maxReason)) // may quote a number of any length
	}
	return w, nil
}

func (s Signal) status(w wireSignal) (Signal, error) {
	kind := -1
	for i, n := range signalKinds {
		if w.Status == n && SignalKind(i) != SignalProgress {
			kind = i
		}
	}
	if kind < 0 {
		return Signal{}, fmt.Errorf("%w: status %.64q", ErrBadSignal, w.Status)
	}
	s.Kind = SignalKind(kind)
	if w.Partitions != nil {
		s.Partitions = *w.Partitions
	}
	if len(s.Partitions) > MaxPartitions || len(w.Running)+len(w.Queued) > maxHeld {
		return Signal{}, fmt.Errorf("%w: a list is too long", ErrBadSignal)
	}
	for _, p := range s.Partitions {
		if p < 0 {
			return Signal{}, fmt.Errorf("%w: partition %d", ErrBadSignal, p)
		}
	}
	for _, b := range append(slices.Clip(w.Running), w.Queued...) {
		if len(b) > MaxBatchID {
			return Signal{}, fmt.Errorf("%w: a batch id has %d bytes", ErrBadSignal, len(b))
		}
	}
	if w.Capacity < 0 || w.Capacity > maxCapacity || len(w.Version) > MaxVersion {
		return Signal{}, fmt.Errorf("%w: capacity %d or version out of range", ErrBadSignal, w.Capacity)
	}
	s.Capacity, s.Version, s.Running, s.Queued = min(w.Capacity, MaxCapacity), w.Version, w.Running, w.Queued
	s.Note, s.Recalls = CutText(w.Note, MaxNote), w.Recall
	if w.Next != nil && *w.Next >= 0 {
		s.Next = *w.Next
	}
	return s, nil
}

func (s Signal) progress(w wireSignal) (Signal, error) {
	s.Kind = SignalProgress
	if err := validateID(w.BatchID, MaxBatchID); err != nil {
		return Signal{}, fmt.Errorf("%w: batchId: %v", ErrBadSignal, err)
	}
	if w.Processing == nil || w.Total == nil {
		return Signal{}, fmt.Errorf("%w: processing or total is missing", ErrBadSignal)
	}
	s.Processing, s.Total = *w.Processing, *w.Total
	if s.Processing < 0 || s.Total < 0 || s.Total > maxTotal || s.Processing > s.Total {
		return Signal{}, fmt.Errorf("%w: processing %d of %d", ErrBadSignal, s.Processing, s.Total)
	}
	switch s.Outcome = Outcome(w.Result); s.Outcome {
	case OutcomeNone, OutcomeOK, OutcomeFailed, OutcomeRetry:
	default:
		return Signal{}, fmt.Errorf("%w: result %.64q", ErrBadSignal, w.Result)
	}
	s.Deployment = CutText(w.Deployment, MaxVersion)
	s.Offset, s.Hash = w.Offset, CutText(w.Hash, hashDigits)
	s.BatchID, s.Attempt, s.Error = w.BatchID, max(0, w.Attempt), CutText(w.Error, MaxErrorText)
	if s.Native() && s.Outcome == OutcomeOK {
		return s.achievement(w)
	}
	return s, nil
}

// achievement adds what a final message says about the items and the result.
func (s Signal) achievement(w wireSignal) (_ Signal, err error) {
	if s.FailedItems, err = parseCount("failed", w.Failed, s.Total); err != nil {
		return Signal{}, err
	}
	if len(w.FailedItems) > 0 {
		s.FailedRanges = parseItemRanges(w.FailedItems, s.FailedItems, s.Total)
	}
	if s.OutputLines, err = parseCount("output_lines", w.OutputLines, maxTotal); err != nil {
		return Signal{}, err
	}
	s.Recorded = isPresent(w.OutputLines)
	return s, nil
}

// isPresent reports whether a message has the field.
func isPresent(text json.RawMessage) bool { return len(text) > 0 && string(text) != "null" }

// parseCount parses an optional number from 0 to limit.
func parseCount(field string, text json.RawMessage, limit int64) (int64, error) {
	if !isPresent(text) {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%w: %s is %.64q, allowed 0 to %d", ErrBadSignal, field, text, limit)
	}
	return n, nil
}

func (s *Signal) setIncarnation(text string) error {
	if text == "" {
		return nil
	}
	start, random, ok := strings.Cut(text, "-")
	ms, err := strconv.ParseInt(start, 10, 64)
	if !ok || err != nil || ms < 0 || validateID(random, 64) != nil {
		return fmt.Errorf("%w: incarnation %.96q", ErrBadSignal, text)
	}
	s.Incarnation = Incarnation{StartMS: ms, Random: random}
	return nil
}

// String returns the incarnation as messages carry it: "<start, ms>-<random>".
func (i Incarnation) String() string {
	if i.IsZero() {
		return ""
	}
	return strconv.FormatInt(i.StartMS, 10) + "-" + i.Random
}

// Encode returns the signal as a worker sends it.
func (s Signal) Encode() []byte {
	w := wireSignal{ID: string(s.Worker), Protocol: s.Protocol, Incarnation: s.Incarnation.String()}
	if s.Kind == SignalProgress {
		w.BatchID, w.Processing, w.Total = s.BatchID, &s.Processing, &s.Total
		w.Attempt, w.Result, w.Error = s.Attempt, string(s.Outcome), CutText(s.Error, MaxErrorText)
		w.Deployment, w.Offset, w.Hash = s.Deployment, s.Offset, s.Hash
		w.addAchievement(s)
	} else {
		w.Status, w.Capacity, w.Version = s.Kind.String(), s.Capacity, s.Version
		w.Running, w.Queued = s.Running, s.Queued
		if s.Kind != SignalDone {
			parts := append([]int32{}, s.Partitions...)
			w.Partitions = &parts
		}
		w.Recall = s.Recalls && (s.Kind == SignalAnnounce || s.Kind == SignalHeartbeat)
		if s.Kind == SignalHeartbeat {
			w.Note = CutText(s.Note, MaxNote)
			if s.Next >= 0 {
				w.Next = &s.Next
			}
		}
	}
	b, err := json.Marshal(w)
	if err != nil { // impossible with strings and numbers only
		panic(err)
	}
	return b
}

// addAchievement adds what a final message says about the items and the result.
func (w *wireSignal) addAchievement(s Signal) {
	if s.FailedItems > 0 {
		w.Failed = strconv.AppendInt(nil, s.FailedItems, 10)
	}
	if n := len(s.FailedRanges); n > 0 && n <= MaxItemRanges {
		w.FailedItems = appendItemRanges(nil, s.FailedRanges)
	}
	if s.Recorded {
		w.OutputLines = strconv.AppendInt(nil, s.OutputLines, 10)
	}
}
