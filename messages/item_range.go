package messages

import "math"

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
