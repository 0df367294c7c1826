package actors

import "kafka-master/messages"

// letterList holds the dead chunks that the dispatcher published, in the order of their ids.
// It is shared with whoever asked for it: each change makes another list.
type letterList []*messages.Letter

// apply applies the changes. Its cost is that of one pass over the list, when anything
// changed.
func (l *letterList) apply(b *fileChanges) {
	gone := map[messages.ChunkID]bool{}
	for _, id := range b.settled {
		gone[id] = true
	}
	for _, x := range b.letters {
		gone[x.ID] = true
	}
	files := map[messages.FileID]bool{}
	for _, id := range b.forgotten {
		files[id] = true
	}
	if len(gone)+len(files) == 0 {
		return
	}
	list := make(letterList, 0, len(*l)+len(b.letters))
	fresh := b.letters // in order, too
	for _, x := range *l {
		if gone[x.ID] || files[x.ID.File] {
			continue
		}
		for len(fresh) > 0 && fresh[0].ID.Compare(x.ID) < 0 {
			list, fresh = append(list, fresh[0]), fresh[1:]
		}
		list = append(list, x)
	}
	*l = append(list, fresh...)
}
