package httpapi

import (
	"fmt"
	"strings"
	"time"

	"kafka-master/messages"
)

// The levels of notices.
const (
	levelInfo  = "info"
	levelWarn  = "warn"
	levelError = "error"
)

// maxNotices bounds the notices of one look, so that a thousand files that end at once do not
// push everything else out of the ring.
const maxNotices = 20

// noticeBody is something that a person may want to know.
type noticeBody struct {
	At    *time.Time `json:"at"`
	Text  string     `json:"text"`
	Level string     `json:"level"`
}

func newNotice(level, text string) noticeBody {
	return noticeBody{At: jsonTime(time.Now()), Text: messages.CleanLine(text, maxDetail), Level: level}
}

// notices says in words what has changed since a picture; of files and workers now has those
// that have changed, so that all others cost nothing.
func notices(old, now picture) []noticeBody {
	all := problemNotices(old.overview.Problems, now.overview.Problems)
	all = append(all, fileNotices(old.files, now.files)...)
	all = append(all, workerNotices(old.workers, now.workers)...)
	if len(all) > maxNotices {
		more := len(all) - maxNotices + 1
		all = append(all[:maxNotices-1], newNotice(levelInfo, fmt.Sprintf("And %d more changes.", more)))
	}
	return all
}

func problemNotices(old, now []messages.Problem) (all []noticeBody) {
	had := map[problemKey]bool{}
	for _, p := range old {
		had[problemKey{p.Kind, p.Part}] = true
	}
	for _, p := range now {
		key := problemKey{p.Kind, p.Part}
		if !had[key] {
			all = append(all, newNotice(levelWarn, "Problem: "+problemLine(p)))
		}
		delete(had, key)
	}
	for _, p := range old {
		if key := (problemKey{p.Kind, p.Part}); had[key] {
			all = append(all, newNotice(levelInfo, fmt.Sprintf("Problem %s is over.", p.Kind)))
			delete(had, key)
		}
	}
	return all
}

func fileNotices(old, now []*messages.FileStatus) (all []noticeBody) {
	for _, f := range now {
		was, known := find(old, f.ID, fileStatusID)
		switch {
		case known && was.State == f.State:
		case f.State.Terminal():
			all = append(all, endNotice(f))
		case known:
			all = append(all, newNotice(levelInfo, "File "+f.Info.Path+" is in work again."))
		default:
			all = append(all, newNotice(levelInfo, "File "+f.Info.Path+" is in work."))
		}
	}
	return all
}

// endNotice says how a file has ended.
func endNotice(f *messages.FileStatus) noticeBody {
	state := strings.ReplaceAll(f.State.String(), "_", " ")
	text := fmt.Sprintf("File %s is %s: %d items done, %d failed, %d dead.", f.Info.Path, state, f.DoneItems, f.FailedItems, f.DeadItems)
	if f.Reason != "" {
		text = fmt.Sprintf("File %s is %s: %s.", f.Info.Path, state, f.Reason)
	}
	switch f.State {
	case messages.FileDoneWithRejects:
		return newNotice(levelWarn, text)
	case messages.FileChanged, messages.FileFailed:
		return newNotice(levelError, text)
	}
	return newNotice(levelInfo, text)
}

func workerNotices(old, now []messages.WorkerStatus) (all []noticeBody) {
	for _, w := range now {
		was, known := find(old, w.ID, workerStatusID)
		switch name := "Worker " + string(w.ID); {
		case !known:
			all = append(all, newNotice(levelInfo, name+" has come."))
		case was.State != w.State && w.State == messages.WorkerLost:
			all = append(all, newNotice(levelWarn, name+" is lost."))
		case was.State != w.State && w.State == messages.WorkerGone:
			all = append(all, newNotice(levelInfo, name+" has left."))
		case was.State != w.State && (was.State == messages.WorkerLost || was.State == messages.WorkerGone):
			all = append(all, newNotice(levelInfo, name+" is back."))
		case was.Note == "" && w.Note != "":
			all = append(all, newNotice(levelWarn, name+" gets no chunks: "+w.Note+"."))
		case was.Note != "" && w.Note == "":
			all = append(all, newNotice(levelInfo, name+" gets chunks again."))
		}
	}
	return all
}
