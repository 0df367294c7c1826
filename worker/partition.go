package worker

import "hash/fnv"

// PartitionOf returns the partition of a worker: the 64-bit FNV-1a hash of the bytes of
// its id, modulo the number of partitions. FNV-1a is easy to implement in any language,
// and a faster hash would gain nothing for short ids.
func PartitionOf(id string, partitions int) int32 {
	if partitions <= 1 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash never fails
	return int32(h.Sum64() % uint64(partitions))
}
