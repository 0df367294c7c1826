package worker

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"kafka-master/messages"
)

// stream is one partition that is read, for all workers that have it.
type stream struct {
	partition   int32
	next        int64               // offset to read from
	members     map[string]*session // replaced as a whole
	busy        bool                // a lane has it
	fetchedAt   time.Time           // when it was read last
	failing     bool                // the last reading failed
	pausedUntil time.Time           // it is left alone until then
	backOff     *backoff.ExponentialBackOff
}

// position is where to read on.
func (s *stream) position(topic string) messages.Position {
	return messages.Position{Topic: topic, Partition: s.partition, Offset: s.next}
}

// room reports whether more can be read. A partition that only one worker has
// waits for that worker. One that others have, too, goes on: what comes for a
// worker without room is given back.
func (s *stream) room() bool {
	if len(s.members) != 1 {
		return len(s.members) > 0
	}
	for _, m := range s.members {
		return m.inbox.room()
	}
	return false
}

// readers returns the workers that a record may be for. Most records of a shared
// partition are for one of many, and must cost the others nothing: the worker is
// looked up by the id that the record begins with.
func addressees(members map[string]*session, value []byte) []*session {
	if len(members) > 1 {
		if id, ok := leadingID(value); ok {
			if m := members[id]; m != nil {
				return []*session{m}
			}
			return nil
		}
	}
	all := make([]*session, 0, len(members))
	for _, m := range members {
		all = append(all, m)
	}
	return all
}

// idField begins every chunk message of a master.
const idField = `{"id":"`

// leadingID returns the worker id of a record that begins with a plainly written
// one. Any other record has to be decoded.
func leadingID(value []byte) (string, bool) {
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
