package messages

import (
	"bytes"
	"math"
	"strconv"
)

// MaxItemRanges is the largest number of ranges of failed items in a message. When
// more would be needed, only the number of the failed items is known.
const MaxItemRanges = 1000

// ItemRange is a range of consecutive items of a chunk, numbered from 0.
type ItemRange struct{ First, Last int32 }

// Len returns the number of items in the range.
func (r ItemRange) Len() int64 { return int64(r.Last) - int64(r.First) + 1 }

// ItemRanges returns ascending numbers of items as ranges. It returns nil when these
// are more than MaxItemRanges.
func ItemRanges(items []int) []ItemRange {
	var out []ItemRange
	for _, n := range items {
		i := int32(n)
		if last := len(out) - 1; last >= 0 && out[last].Last == i-1 {
			out[last].Last = i
			continue
		}
		if len(out) == MaxItemRanges {
			return nil
		}
		out = append(out, ItemRange{i, i})
	}
	return out
}

// appendItemRanges appends ranges as messages carry them: a list of pairs.
func appendItemRanges(dst []byte, list []ItemRange) []byte {
	dst = append(dst, '[')
	for i, r := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, '['), int64(r.First), 10)
		dst = strconv.AppendInt(append(dst, ','), int64(r.Last), 10)
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// PositionsOf returns the ranges that pairs in a chunk message mean. It returns nil unless
// they are ascending and disjoint and hold exactly n items.
func PositionsOf(pairs [][2]int64, n int) (out []ItemRange) {
	end, count := int64(-1), int64(0)
	for _, p := range pairs {
		if p[0] <= end || p[1] < p[0] || p[1] > math.MaxInt32 {
			return nil
		}
		end, count = p[1], count+p[1]-p[0]+1
		out = append(out, ItemRange{int32(p[0]), int32(p[1])})
	}
	if count != int64(n) {
		return nil
	}
	return out
}

// PickRanges returns which items of the ranges of those ranges are: picked are ranges within
// the items that the ranges hold, numbered from 0.
func PickRanges(ranges, picked []ItemRange) (out []ItemRange) {
	base := int64(0) // number of the first item of ranges[0]
	for _, p := range picked {
		for first := int64(p.First); first <= int64(p.Last); {
			for len(ranges) > 0 && first >= base+ranges[0].Len() {
				base += ranges[0].Len()
				ranges = ranges[1:]
			}
			if len(ranges) == 0 {
				return out
			}
			last := min(int64(p.Last), base+ranges[0].Len()-1)
			at := int32(first-base) + ranges[0].First
			out = append(out, ItemRange{at, at + int32(last-first)})
			first = last + 1
		}
	}
	return out
}

// PickItems returns those items of text, which holds items with their line ends, that lie
// in the ranges.
func PickItems(text []byte, ranges []ItemRange) []byte {
	out := make([]byte, 0, len(text)/4)
	for n := int32(0); len(text) > 0 && len(ranges) > 0; n++ {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		if n >= ranges[0].First {
			out = append(out, text[:end]...)
		}
		if n == ranges[0].Last {
			ranges = ranges[1:]
		}
		text = text[end:]
	}
	return out
}

// parseItemRanges parses the list of pairs in a message. It returns nil unless the
// ranges are ascending and disjoint and hold exactly failed of the total items: what
// does not fit says nothing about which items failed.
func parseItemRanges(text []byte, failed, total int64) []ItemRange {
	s := scanner{text: string(text)}
	pairs := s.pairs()
	if s.declined || s.at < len(s.text) || len(pairs) > MaxItemRanges {
		return nil
	}
	out := make([]ItemRange, 0, len(pairs))
	end, count := int64(-1), int64(0)
	for _, p := range pairs {
		if p[0] <= end || p[1] < p[0] || p[1] >= total || p[1] > math.MaxInt32 {
			return nil
		}
		end, count = p[1], count+p[1]-p[0]+1
		out = append(out, ItemRange{int32(p[0]), int32(p[1])})
	}
	if count != failed || count == 0 {
		return nil
	}
	return out
}
