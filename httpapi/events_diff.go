package httpapi

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"kafka-master/messages"
)

// seenEvery is how old the time of a worker's last message may be in a picture of it: nothing
// else changes at most workers most of the time.
const seenEvery = 5 * time.Second

// picture is what a master has answered at one time.
type picture struct {
	overview messages.Overview
	files    []*messages.FileStatus  // ordered by id
	workers  []messages.WorkerStatus // ordered by id
}

// look asks for a picture. That of a master that does not lead has no files and workers.
func look(ctx context.Context, asker Asker) (p picture, err error) {
	ctx, cancel := context.WithTimeout(ctx, messages.AskTimeout)
	defer cancel()
	if p.overview, err = question[messages.Overview](ctx, asker, messages.QueryOverview{}); err != nil || p.overview.Role != "leader" {
		return p, err
	}
	if p.files, err = question[[]*messages.FileStatus](ctx, asker, messages.QueryFiles{}); err != nil {
		return p, err
	}
	p.workers, err = question[[]messages.WorkerStatus](ctx, asker, messages.QueryWorkers{})
	return p, err
}

// goneBody names what is not known any more.
type goneBody struct {
	Files   []messages.FileID   `json:"files"`
	Workers []messages.WorkerID `json:"workers"`
}

// addChanges adds the events that lead from one picture to another. The lock is held.
func (h *eventHub) addChanges(old, now picture) {
	if o := showOverview(now.overview); !reflect.DeepEqual(showOverview(old.overview), o) {
		h.add("overview", o)
	}
	files, goneFiles := difference(old.files, now.files, fileStatusID, sameFile)
	for part := range slices.Chunk(files, MaxLimit) {
		body := make([]FileBody, len(part))
		for i, f := range part {
			body[i] = showFile(*f)
		}
		h.add("files", body)
	}
	workers, goneWorkers := difference(old.workers, now.workers, workerStatusID, sameWorker)
	for part := range slices.Chunk(workers, MaxLimit) {
		body := make([]WorkerBody, len(part))
		for i, w := range part {
			body[i] = showWorker(w)
		}
		h.add("workers", body)
	}
	if len(goneFiles)+len(goneWorkers) > 0 {
		h.add("gone", goneBody{append([]messages.FileID{}, goneFiles...), append([]messages.WorkerID{}, goneWorkers...)})
	}
	for _, n := range notices(old, picture{now.overview, files, workers}) {
		h.add("notice", n)
	}
}

func fileStatusID(f *messages.FileStatus) messages.FileID      { return f.ID }
func workerStatusID(w messages.WorkerStatus) messages.WorkerID { return w.ID }

func sameFile(a, b *messages.FileStatus) bool { return a == b || reflect.DeepEqual(a, b) }

func sameWorker(a, b messages.WorkerStatus) bool {
	a.Seen, b.Seen = a.Seen.Truncate(seenEvery), b.Seen.Truncate(seenEvery)
	return reflect.DeepEqual(a, b)
}

// find returns the entry with an id of a list that is ordered by id.
func find[T any, ID cmp.Ordered](list []T, id ID, idOf func(T) ID) (x T, ok bool) {
	at, ok := slices.BinarySearchFunc(list, id, func(x T, id ID) int { return cmp.Compare(idOf(x), id) })
	if ok {
		x = list[at]
	}
	return x, ok
}

// difference compares two lists that are ordered by id. It returns the entries that are new or
// differ, and the ids of those that are gone.
func difference[T any, ID cmp.Ordered](old, now []T, id func(T) ID, same func(a, b T) bool) (changed []T, gone []ID) {
	for _, x := range now {
		for len(old) > 0 && id(old[0]) < id(x) {
			gone, old = append(gone, id(old[0])), old[1:]
		}
		if len(old) == 0 || id(old[0]) != id(x) {
			changed = append(changed, x)
			continue
		}
		if !same(old[0], x) {
			changed = append(changed, x)
		}
		old = old[1:]
	}
	for _, x := range old {
		gone = append(gone, id(x))
	}
	return changed, gone
}
