package ledger

import "kafka-master/messages"

// voidRange is a range of attempts of a chunk that a former leader sent and that are in
// no record: no worker had them.
type voidRange struct{ from, to int }

func (v voidRange) has(attempt int) bool { return attempt >= v.from && attempt <= v.to }

// maxVoid is the highest attempt that is believed of a message: whoever may write to the
// chunk topic can invent one. No chunk is handed out that often.
const maxVoid = 1 << 20

// addVoid takes in a message that a former leader sent. One that is in no record is
// void: the store lost its commit. Its attempt number is not given again, so that no
// result of it is taken for that of another range or worker.
func (l *Ledger) addVoid(batchID string) {
	name, attempt, ok := messages.ParseBatchID(batchID)
	if !ok || attempt > maxVoid {
		return
	}
	if id, ok := l.names[fileName{name.Base, name.Generation}]; ok && name.Index < l.files[id].Cursor.Index {
		b, chunk := l.files[id], chunkOf(id, name)
		// A retry without a record may have ended, or may never have begun as far as the store
		// knows. It counts as void in both cases, since one that ended never begins again.
		if e := b.entries[chunk]; e == nil && chunk.Retry == 0 && !b.divided(chunk) || e != nil && attempt <= e.Attempt {
			return
		}
	}
	l.voids[name] = max(l.voids[name], attempt)
}

// UnreadAttempts is how many numbers are left free for the attempts of a chunk that may
// lie where nothing can be read. It is far more than a store can lose of one chunk before
// the chunk is dead, or held back for hours.
const UnreadAttempts = 100

// skipVoid moves a chunk's attempts beyond the void ones.
func (l *Ledger) skipVoid(b *book, e *entry) {
	if len(l.voids) == 0 && !l.unread {
		return
	}
	name := b.ChunkName(e.ID)
	void := l.voids[name]
	if l.unread && !e.numbered {
		void = max(void, e.Attempt) + UnreadAttempts
	}
	e.numbered = true
	if void > e.Attempt {
		e.void = voidRange{e.Attempt + 1, void}
		e.Attempt = void
	}
	delete(l.voids, name)
}
