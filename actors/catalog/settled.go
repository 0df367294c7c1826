package catalog

import (
	"cmp"

	"kafka-master/messages"
)

// settledFile is a file that settled, as SetFingerprint decides, and waits for a place in
// work.
type settledFile struct {
	*version
	info messages.FileInfo // as it settled; the entry is void once seen differs
}

// byAge is a heap of settled files, oldest first.
type byAge []settledFile

func (h byAge) Len() int { return len(h) }

func (h byAge) Less(i, j int) bool {
	a, b := h[i].info, h[j].info
	return cmp.Or(a.ModTime.Compare(b.ModTime), cmp.Compare(a.Path, b.Path)) < 0
}

func (h byAge) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byAge) Push(x any) { *h = append(*h, x.(settledFile)) }

// Pop implements heap.Interface.
func (h *byAge) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
