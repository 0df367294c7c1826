package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Names below the folder of a file.
const (
	ManifestFolder   = ".manifest"     // folder of the manifests
	Suffix           = ".jsonl"        // end of the name of a manifest and of a result
	FailedListSuffix = ".failed.jsonl" // end of the name of a list of failed items
	hashDigits       = 16
	sumStart         = `,"sum":"`
	timeLayout       = "2006-01-02T15:04:05.000Z07:00"
)

// ErrDamaged is the error of a complete line of a manifest that is not as it was written.
var ErrDamaged = errors.New("the line is damaged")

// Line is one line of a manifest: a result as its worker wrote it.
type Line struct {
	BatchID     string   `json:"batchId"`
	Index       int      `json:"index"`
	Half        int      `json:"half"`
	Retry       int      `json:"retry"`
	Positions   [][2]int `json:"positions,omitempty"` // items of the chunk that a retry ran, absent for all
	Attempt     int      `json:"attempt"`
	Deployment  string   `json:"deployment"`
	Generation  int      `json:"generation"`
	Offset      int64    `json:"offset"`
	Length      int64    `json:"length"`
	FirstLine   int64    `json:"first_line"`
	Items       int      `json:"items"`
	InputHash   string   `json:"input_hash"`
	Failed      int      `json:"failed"`                 // number of items that failed
	FailedItems [][2]int `json:"failed_items,omitempty"` // their positions, absent when not known
	// ItemLines tells how many lines of the result the items have: pairs of a number of items
	// and of the lines that each of them has, in the order of the items. Absent when not known.
	ItemLines      [][2]int `json:"item_lines,omitempty"`
	Result         string   `json:"result"` // name of the result file
	Lines          int64    `json:"lines"`  // lines of the result
	Bytes          int64    `json:"bytes"`
	Hash           string   `json:"hash"`
	FailedListHash string   `json:"failed_list_hash"` // empty without a list
	Worker         string   `json:"worker"`
	Started        string   `json:"started"`
	Ended          string   `json:"ended"`
	Exit           *int     `json:"exit"` // exit status of the chunk's command, null without one
}

// Hash returns a hash as manifests carry it.
func Hash(sum uint64) string { return messages.ByteRange{Hash: sum}.HashText() }

// Time returns a time as manifests carry it.
func Time(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reverses Time.
func ParseTime(text string) (time.Time, error) { return time.Parse(timeLayout, text) }

// Encode returns the line with its sum and its line end.
func (l Line) Encode() []byte {
	body, err := json.Marshal(l)
	if err != nil { // impossible with texts and numbers only
		panic(err)
	}
	body = body[:len(body)-1]
	// A line that was cut off never ends like a whole one.
	body = bytes.ReplaceAll(body, []byte("}"), []byte(`\u007d`))
	sum := Hash(xxhash.Sum64(body))
	return append(append(append(body, sumStart...), sum...), "\"}\n"...)
}

// ParseLine reverses Encode; the line end may be missing. whole is false for a line that
// was cut off. An error wraps ErrDamaged.
func ParseLine(text []byte) (l Line, whole bool, err error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if !bytes.HasSuffix(text, []byte("}")) {
		return l, false, nil
	}
	at := len(text) - len(sumStart) - hashDigits - len(`"}`)
	if at < 0 || string(text[at:at+len(sumStart)]) != sumStart || string(text[len(text)-2:]) != `"}` {
		return l, true, fmt.Errorf("%w: it has no sum", ErrDamaged)
	}
	if got, want := Hash(xxhash.Sum64(text[:at])), string(text[at+len(sumStart):len(text)-2]); got != want {
		return l, true, fmt.Errorf("%w: its sum is %s, it states %q", ErrDamaged, got, want)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, true, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return l, true, nil
}

// key identifies the work that a line is about: the same chunk of the same input in the
// same state.
type key uint64

func (l Line) key() key {
	d := xxhash.New()
	for _, n := range []int{l.Index, l.Half, l.Retry, l.Generation} {
		_, _ = d.WriteString(strconv.Itoa(n) + "/")
	}
	_, _ = d.WriteString(l.InputHash + "/" + strconv.FormatInt(l.Offset, 10) + "/" + l.Deployment)
	_, _ = fmt.Fprint(d, l.Positions)
	return key(d.Sum64())
}

// SameWork reports whether both lines are about the same items of the same input in the
// same state.
func (l Line) SameWork(m Line) bool {
	return l.Index == m.Index && l.Half == m.Half && l.Retry == m.Retry && l.Generation == m.Generation &&
		l.Offset == m.Offset && l.InputHash == m.InputHash && l.Deployment == m.Deployment && slices.Equal(l.Positions, m.Positions)
}
