package kafkabus

import (
	"encoding/binary"
	"slices"
)

// subscription returns the topics in the metadata of a member: a version, an array of
// topics, then fields that differ by client and are ignored. Malformed metadata names no
// topic.
func subscription(metadata []byte) []string {
	r := reader{rest: metadata}
	r.skip(2)
	var topics []string
	for range r.length() {
		topic := r.text()
		if r.bad {
			return nil
		}
		topics = append(topics, topic)
	}
	return topics
}

// assignment returns the partitions of topic that are assigned to a member, ascending.
func assignment(assigned []byte, topic string) []int32 {
	r := reader{rest: assigned}
	r.skip(2)
	var partitions []int32
	for range r.length() {
		name := r.text()
		for range r.length() {
			p := r.int32()
			if name == topic && !r.bad {
				partitions = append(partitions, p)
			}
		}
		if r.bad {
			return nil
		}
	}
	slices.Sort(partitions)
	return partitions
}

// reader reads values from the front of rest. When bytes are missing it becomes bad and
// returns zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) skip(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) int32() int32 {
	if b := r.skip(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// length reads the length of an array. One that exceeds the rest is bad.
func (r *reader) length() int {
	n := int(r.int32())
	if n < 0 || n > len(r.rest) {
		r.bad = r.bad || n > len(r.rest)
		return 0
	}
	return n
}

func (r *reader) text() string {
	b := r.skip(2)
	if b == nil {
		return ""
	}
	return string(r.skip(int(int16(binary.BigEndian.Uint16(b)))))
}
