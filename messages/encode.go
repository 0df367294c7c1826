package messages

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ChunkHeader holds the fields of a chunk message other than its items.
type ChunkHeader struct {
	Worker     WorkerID
	BatchID    string
	Deployment string // random id of the state in the master's store
	// Incarnation is the process of a native worker for which the chunk is; another
	// process with the same id skips the message. It is zero for a classic worker.
	Incarnation Incarnation
	Term        uint64
	Attempt     int
	File        string // path relative to the input folder
	Generation  int
	FirstLine   int64
	Lines       int64 // number of lines of the range if it has blank lines, else 0
	Gaps        []Gap // where they are, nil if that is not known
	Range       ByteRange
	Retry       int         // round of a retry of failed items, 0 for the chunk itself
	Positions   []ItemRange // of a retry: which items of the chunk the message has, nil for all
}

// ChunkMessage is a decoded chunk message.
type ChunkMessage struct {
	ID          string `json:"id"`
	BatchID     string `json:"batchId"`
	Deployment  string `json:"deployment,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	Term        uint64 `json:"term,omitempty"`
	Attempt     int    `json:"attempt,omitempty"`
	File        string `json:"file,omitempty"`
	Generation  int    `json:"generation,omitempty"`
	FirstLine   int64  `json:"first_line,omitempty"`
	Lines       int64  `json:"lines,omitempty"`
	// Gaps are the runs of blank lines, in pairs of the number of the item that follows and
	// the number of lines; nil when the range has none, or when that is not known.
	Gaps   [][2]int64 `json:"gaps,omitempty"`
	Offset int64      `json:"offset,omitempty"`
	Length int64      `json:"length,omitempty"`
	Hash   string     `json:"hash,omitempty"`
	Retry  int        `json:"retry,omitempty"`
	// Positions are those of the items in the chunk, in pairs of the first and the last one
	// of a range; nil when the message has all of them.
	Positions [][2]int64 `json:"positions,omitempty"`
	Data      []string   `json:"data"`
	Recall    []string   `json:"recall,omitempty"` // of a recall, which has no batch id and no items
	Stop      bool       `json:"stop,omitempty"`   // of a recall: what runs is to be stopped
}

// IsRecall reports whether the message is a recall and no chunk.
func (m ChunkMessage) IsRecall() bool { return m.BatchID == "" && len(m.Recall) > 0 }

// DecodeChunk decodes a chunk message. Its strings share memory.
func DecodeChunk(value []byte) (ChunkMessage, error) {
	m, ok := scanChunk(value)
	if ok {
		return m, nil
	}
	m = ChunkMessage{}
	if err := json.Unmarshal(value, &m); err != nil {
		return ChunkMessage{}, fmt.Errorf("chunk message: %w", err)
	}
	return m, nil
}

// AppendChunk appends the chunk message to dst. lines are the items with their line
// ends, of which the last may be missing. They must not contain blank lines.
// It is own code, since encoding/json would need every item as a string first. This is
// the hottest loop of the master.
func AppendChunk(dst []byte, h ChunkHeader, lines []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendItem(dst, []byte(h.Worker))
	dst = append(dst, `,"batchId":`...)
	dst = appendItem(dst, []byte(h.BatchID))
	if h.Deployment != "" {
		dst = append(dst, `,"deployment":`...)
		dst = appendItem(dst, []byte(h.Deployment))
	}
	if !h.Incarnation.IsZero() {
		dst = append(dst, `,"incarnation":`...)
		dst = appendItem(dst, []byte(h.Incarnation.String()))
	}
	dst = append(dst, `,"term":`...)
	dst = strconv.AppendUint(dst, h.Term, 10)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(h.Attempt), 10)
	dst = append(dst, `,"file":`...)
	dst = appendItem(dst, []byte(h.File))
	dst = append(dst, `,"generation":`...)
	dst = strconv.AppendInt(dst, int64(h.Generation), 10)
	dst = append(dst, `,"first_line":`...)
	dst = strconv.AppendInt(dst, h.FirstLine, 10)
	if h.Lines > 0 {
		dst = append(dst, `,"lines":`...)
		dst = strconv.AppendInt(dst, h.Lines, 10)
	}
	if len(h.Gaps) > 0 {
		dst = append(dst, `,"gaps":`...)
		dst = appendGaps(dst, h.Gaps)
	}
	if h.Range.Length > 0 {
		dst = h.Range.append(dst)
	}
	if h.Retry > 0 {
		dst = append(dst, `,"retry":`...)
		dst = strconv.AppendInt(dst, int64(h.Retry), 10)
	}
	if len(h.Positions) > 0 {
		dst = append(dst, `,"positions":`...)
		dst = appendItemRanges(dst, h.Positions)
	}
	dst = append(dst, `,"data":`...)
	dst = AppendItems(dst, lines)
	return append(dst, '}')
}

// AppendItems appends the JSON array of the items in lines.
func AppendItems(dst, lines []byte) []byte {
	dst = append(dst, '[')
	if isPlain(lines) {
		return append(appendPlain(dst, lines), ']')
	}
	for first := true; len(lines) > 0; first = false {
		if !first {
			dst = append(dst, ',')
		}
		var item []byte
		item, lines = cutLine(lines)
		dst = appendItem(dst, item)
	}
	return append(dst, ']')
}

// appendPlain appends items of which no character has to be escaped. Most are short, so that
// calls to find and to copy each of them would be most of the work: it copies eight bytes at
// once, and goes on behind the first line end among them.
func appendPlain(dst, lines []byte) []byte {
	if len(lines) == 0 {
		return dst
	}
	const each, high = 0x0101010101010101, 0x8080808080808080
	last := lines[len(lines)-1]
	room := len(lines) + 2*bytes.Count(lines, []byte{'\n'}) + 4 // and an item that is not begun
	dst = append(slices.Grow(dst, room+8), '"')
	out, at := dst[:cap(dst)], len(dst)
	for len(lines) >= 8 {
		x := binary.LittleEndian.Uint64(lines)
		binary.LittleEndian.PutUint64(out[at:], x)
		// The lowest high bit that is set belongs to the first line end.
		x ^= each * '\n'
		n := bits.TrailingZeros64((x-each)&^x&high) / 8
		if n == 8 {
			lines, at = lines[8:], at+8
			continue
		}
		lines, at = lines[n+1:], endItem(out, at+n)
	}
	for _, c := range lines {
		if out[at] = c; c == '\n' {
			at = endItem(out, at)
		} else {
			at++
		}
	}
	if last != '\n' {
		at = endItem(out, at)
	}
	return out[:at-2]
}

// endItem ends an item at a position of out, without the carriage return that its line may end
// with, and begins the next one.
func endItem(out []byte, at int) int {
	if out[at-1] == '\r' {
		at--
	}
	out[at], out[at+1], out[at+2] = '"', ',', '"'
	return at + 3
}

func cutLine(b []byte) (line, rest []byte) {
	at := bytes.IndexByte(b, '\n')
	if at < 0 {
		line, rest = b, nil
	} else {
		line, rest = b[:at], b[at+1:]
	}
	if n := len(line) - 1; n >= 0 && line[n] == '\r' { // bytes.TrimSuffix calls a comparison, for each item
		line = line[:n]
	}
	return line, rest
}

// isPlain reports whether b, apart from its line ends, is printable ASCII without '"'
// and '\', so that no character of its lines has to be escaped in JSON. A '\r' counts
// as a line end only before '\n' or at the end.
func isPlain(b []byte) bool {
	if bytes.IndexByte(b, '"') >= 0 || bytes.IndexByte(b, '\\') >= 0 {
		return false
	}
	const high = 0x8080808080808080
	controls := 0
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		x := binary.LittleEndian.Uint64(rest)
		if x&high != 0 {
			return false
		}
		// A byte below 0x80 is below 0x20 exactly if setting its high bit and
		// subtracting 0x20 clears that bit again.
		controls += bits.OnesCount64(^((x | high) - 0x2020202020202020) & high)
	}
	for _, c := range rest {
		if c >= 0x80 {
			return false
		}
		if c < 0x20 {
			controls++
		}
	}
	ends := bytes.Count(b, []byte{'\n'})
	if controls == ends {
		return true
	}
	returns := bytes.Count(b, []byte("\r\n"))
	if len(b) > 0 && b[len(b)-1] == '\r' {
		returns++
	}
	return controls == ends+returns
}

// EncodedLen returns the number of bytes of the item in a chunk message, with its
// quotes and without a comma.
func EncodedLen(item []byte) int {
	n := 2
	for i := 0; i < len(item); {
		switch c := item[i]; {
		case c == '"' || c == '\\':
			n, i = n+2, i+1
		case c < 0x20:
			n, i = n+6, i+1
		case c < utf8.RuneSelf:
			n, i = n+1, i+1
		default:
			r, size := utf8.DecodeRune(item[i:])
			if r == utf8.RuneError && size == 1 {
				n += 3
			} else {
				n += size
			}
			i += size
		}
	}
	return n
}

// appendItem appends an item as a JSON string. Each byte that is not UTF-8 becomes
// U+FFFD.
func appendItem(dst, item []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(item); {
		switch c := item[i]; {
		case c == '"' || c == '\\':
			dst, i = append(dst, '\\', c), i+1
		case c < 0x20:
			dst, i = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), i+1
		case c < utf8.RuneSelf:
			dst, i = append(dst, c), i+1
		default:
			r, size := utf8.DecodeRune(item[i:])
			dst, i = utf8.AppendRune(dst, r), i+size
		}
	}
	return append(dst, '"')
}
