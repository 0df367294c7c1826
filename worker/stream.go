package worker

import (
	"maps"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kafka-master/messages"
)

// stream is one partition with the workers that read it.
type stream struct {
	partition   int32
	next        int64               // offset of the next record to read
	members     map[string]*session // by worker id; replaced as a whole at each change
	busy        bool                // a lane is reading it
	fetchedAt   time.Time           // start of the last read
	failing     bool                // the last read failed
	pausedUntil time.Time           // not read before this time
	backOff     *backoff.ExponentialBackOff
}

// position returns the position of the next record.
func (s *stream) position(topic string) messages.Position {
	return messages.Position{Topic: topic, Partition: s.partition, Offset: s.next}
}

// room reports whether to read more. A partition with one worker is not read while
// that worker's inbox is full. A partition with several workers is always read: chunks
// for a worker without room are given back.
func (s *stream) room() bool {
	if len(s.members) != 1 {
		return len(s.members) > 0
	}
	for _, m := range s.members {
		return m.inbox.room()
	}
	return false
}

// addressees returns the workers that a record may be for. Most records of a shared
// partition are for one of many workers and must cost the others nothing, so the
// worker is looked up by the id at the beginning of the record.
func addressees(members map[string]*session, value []byte) []*session {
	if len(members) > 1 {
		if id, ok := leadingID(value); ok {
			if m := members[id]; m != nil {
				return []*session{m}
			}
			return nil
		}
	}
	return slices.Collect(maps.Values(members))
}

// idField is the beginning of every chunk message of a master.
const idField = `{"id":"`

// leadingID returns the worker id at the beginning of a record. ok is false when the
// record begins with something else or the id contains escapes: such a record must be
// decoded.
func leadingID(value []byte) (id string, ok bool) {
	if len(value) < len(idField) || string(value[:len(idField)]) != idField {
		return "", false
	}
	rest := value[len(idField):]
	rest = rest[:min(len(rest), messages.MaxWorkerID+1)]
	for i, c := range rest {
		if c == '"' {
			return string(rest[:i]), true
		}
		if c < ' ' || c >= 0x7f || c == '\\' {
			break
		}
	}
	return "", false
}
