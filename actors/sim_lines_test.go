package actors

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// linesOf returns the lines of a message's items in their file, as its worker works them out;
// nil if it cannot tell them.
func linesOf(m messages.ChunkMessage) (lines []int64) {
	positions := messages.PositionsOf(m.Positions, len(m.Data))
	gaps := messages.GapsOf(m.Gaps, m.Lines, positions, len(m.Data))
	if m.Lines > 0 && gaps == nil {
		return nil
	}
	if positions == nil {
		positions = []messages.ItemRange{{First: 0, Last: int32(len(m.Data) - 1)}}
	}
	for _, r := range positions {
		for n := int64(r.First); n <= int64(r.Last); n++ {
			lines = append(lines, m.FirstLine+n+messages.BlankBefore(gaps, n))
		}
	}
	return lines
}

// tellsLines checks that a chunk message tells the lines of its items.
func (h *simHistory) tellsLines(m messages.ChunkMessage) {
	f, _, _, ok := h.find(m.BatchID)
	data := h.w.versions[simVersion{f.Info.Path, f.Fingerprint}]
	if !ok || m.Offset+m.Length > int64(len(data)) {
		return
	}
	if r := (messages.ByteRange{Hash: xxhash.Sum64(data[m.Offset : m.Offset+m.Length])}); r.HashText() != m.Hash {
		return // The name was given to another chunk when the store lost its last commits.
	}
	all := strings.Split(string(data), "\n")
	lines := linesOf(m)
	if len(lines) != len(m.Data) {
		h.violate("S19", "%s has %d items and tells %d lines", m.BatchID, len(m.Data), len(lines))
		return
	}
	for i, n := range lines {
		if n < 1 || n > int64(len(all)) || all[n-1] != m.Data[i] {
			h.violate("S19", "%s tells line %d of item %q, %d", m.BatchID, n, m.Data[i], i)
			return
		}
	}
	if len(m.Gaps) > 0 {
		h.w.sometimes("a chunk has blank lines")
	}
	if len(m.Gaps) > 0 && m.Retry > 0 {
		h.w.sometimes("a retry of failed items has blank lines")
	}
}
