package kafkabus

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
)

// subscription returns the topics in the metadata of a member: a version, an array of
// topics, then fields that differ by client and are ignored. Malformed metadata names no
// topic.
func subscription(metadata []byte) []string {
	r := kbin.Reader{Src: metadata}
	r.Int16()
	var topics []string
	for range r.ArrayLen() {
		topics = append(topics, r.String())
		if !r.Ok() {
			return nil
		}
	}
	return topics
}

// assignment returns the partitions of topic that are assigned to a member, ascending.
func assignment(assigned []byte, topic string) []int32 {
	r := kbin.Reader{Src: assigned}
	r.Int16()
	var partitions []int32
	for range r.ArrayLen() {
		name := r.String()
		for range r.ArrayLen() {
			if p := r.Int32(); name == topic {
				partitions = append(partitions, p)
			}
		}
		if !r.Ok() {
			return nil
		}
	}
	slices.Sort(partitions)
	return partitions
}
