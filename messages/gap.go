package messages

import (
	"math"
	"strconv"
)

// MaxGaps is the largest number of gaps in a chunk message. When more would be needed, it
// has none, and its worker cannot tell the lines of the items.
const MaxGaps = 1000

// Gap is a run of blank lines between the items of a chunk, before the first one, or behind
// the last one.
type Gap struct {
	Item  int32 // number of the item that follows, from 0; that of all items behind the last one
	Lines int64 // number of blank lines
}

// Gaps counts the blank lines of a chunk while it is read. Its zero value is ready for use.
type Gaps struct{ list []Gap }

// Add counts a blank line before item number item. The numbers must not decrease.
func (g *Gaps) Add(item int) {
	switch last := len(g.list) - 1; {
	case last >= 0 && g.list[last].Item == int32(item):
		g.list[last].Lines++
	case last < MaxGaps:
		g.list = append(g.list, Gap{int32(item), 1})
	}
}

// List returns the gaps, or nil if there are none or more than MaxGaps.
func (g *Gaps) List() []Gap {
	if len(g.list) > MaxGaps {
		return nil
	}
	return g.list
}

// appendGaps appends gaps as messages carry them: a list of pairs.
func appendGaps(dst []byte, list []Gap) []byte {
	dst = append(dst, '[')
	for i, g := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, '['), int64(g.Item), 10)
		dst = strconv.AppendInt(append(dst, ','), g.Lines, 10)
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// GapsOf returns the gaps that pairs in a chunk message mean, whose range has that many
// lines. The message has n items: those at the positions, or all items of the chunk without
// any. GapsOf returns nil unless the items ascend and lie in the chunk, and the lines that
// are not blank are its items.
func GapsOf(pairs [][2]int64, lines int64, positions []ItemRange, n int) []Gap {
	if len(pairs) == 0 || len(pairs) > MaxGaps {
		return nil
	}
	out := make([]Gap, 0, len(pairs))
	before, items := int64(-1), lines
	for _, p := range pairs {
		if p[0] <= before || p[0] > math.MaxInt32 || p[1] < 1 || p[1] >= items {
			return nil
		}
		before, items = p[0], items-p[1]
		out = append(out, Gap{int32(p[0]), p[1]})
	}
	fits := items == int64(n)
	if last := len(positions) - 1; last >= 0 {
		fits = items > int64(positions[last].Last)
	}
	if !fits || before > items {
		return nil
	}
	return out
}

// BlankBefore returns how many blank lines lie before item number item of the chunk.
func BlankBefore(gaps []Gap, item int64) (lines int64) {
	for _, g := range gaps {
		if int64(g.Item) > item {
			break
		}
		lines += g.Lines
	}
	return lines
}
