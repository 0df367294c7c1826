package worker

import "hash/fnv"

// PartitionOf is the partition that a worker id falls on: FNV-1a, 64 bit, of the
// id's bytes, modulo the number of partitions. FNV-1a is in the standard library
// of Go and a three-line loop elsewhere, so that a worker in any language can
// follow; ids are short, so that a faster hash would gain nothing.
func PartitionOf(id string, partitions int) int32 {
	if partitions <= 1 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash never fails
	return int32(h.Sum64() % uint64(partitions))
}
