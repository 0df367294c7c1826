package actors

import (
	"kafka-master/messages"
)

// overlap reports whether one chunk is the other one, or a part of it.
func overlap(a, b messages.ChunkID) bool {
	if a.Index != b.Index {
		return false
	}
	small, large := max(1, a.Half), max(1, b.Half)
	if small > large {
		small, large = large, small
	}
	for large > small {
		large /= 2
	}
	return small == large
}

// isOpen reports whether a chunk, a part of it, or what it is a part of has a record, and is
// not done with failed items.
func (h *simHistory) isOpen(id messages.ChunkID) bool {
	if c, recorded := h.open[id.File][id]; recorded {
		return c.State != messages.ChunkDoneWithFailed
	}
	for other, c := range h.open[id.File] {
		if overlap(id, other) && c.State != messages.ChunkDoneWithFailed && !c.IsRetry() {
			return true
		}
	}
	return false
}

// follows checks that a chunk begins where the one before it ends, and that a half lies at
// its end of the chunk that was halved.
func (h *simHistory) follows(c messages.Chunk) {
	c.ID = withoutRetry(c.ID)
	ranges := h.ranges[c.ID.File]
	of, half := c.ID.Halved()
	if !half {
		before, ok := ranges[messages.ChunkID{File: c.ID.File, Index: c.ID.Index - 1}]
		if ok && before.End() != c.Offset || c.ID.Index == 0 && c.Offset != 0 {
			h.violate("S1", "chunk %v begins at %d, the one before ends at %d", c.ID, c.Offset, before.End())
		}
		return
	}
	whole, ok := ranges[of]
	if first, _ := of.Halves(); ok && (c.ID == first && c.Offset != whole.Offset || c.ID != first && c.End() != whole.End()) {
		h.violate("S1", "half %v is %+v, the chunk that was halved is %+v", c.ID, c, whole)
	}
}

// ended checks that a chunk whose record is dropped is done, or was halved in the same
// commit.
func (h *simHistory) ended(id messages.ChunkID) {
	_, known := h.files[id.File]
	_, done := h.accepted[id.File][withoutRetry(id)]
	if !known || done {
		return
	}
	first, second := id.Halves()
	ranges := h.ranges[id.File]
	whole, a, b := ranges[id], ranges[first], ranges[second]
	if a.Length == 0 || b.Length == 0 || a.End() != b.Offset || a.Length+b.Length != whole.Length || a.Items+b.Items != whole.Items || a.Lines+b.Lines != whole.Lines {
		h.violate("S9", "chunk %v ended as %+v without a result, its halves are %+v and %+v", id, whole, a, b)
		return
	}
	h.w.sometimes("a chunk is halved")
	if id.Half > 0 {
		h.w.sometimes("a half is halved")
	}
}
