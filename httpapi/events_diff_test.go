package httpapi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestDifference(t *testing.T) {
	t.Parallel()
	type entry struct{ id, value int }
	list := func(values ...int) (out []entry) {
		for i := 0; i < len(values); i += 2 {
			out = append(out, entry{values[i], values[i+1]})
		}
		return out
	}
	for _, x := range []struct {
		old, now, changed []entry
		gone              []int
	}{
		{nil, nil, nil, nil},
		{nil, list(1, 1), list(1, 1), nil},
		{list(1, 1), nil, nil, []int{1}},
		{list(1, 1, 2, 2, 4, 4), list(1, 1, 3, 3, 4, 5), list(3, 3, 4, 5), []int{2}},
		{list(5, 5, 6, 6), list(1, 1, 6, 6, 7, 7), list(1, 1, 7, 7), []int{5}},
	} {
		changed, gone := difference(x.old, x.now, func(e entry) int { return e.id }, func(a, b entry) bool { return a == b })
		require.Equal(t, x.changed, changed)
		require.Equal(t, x.gone, gone)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	file := func(state messages.FileState) *messages.FileStatus {
		return &messages.FileStatus{File: &messages.File{ID: 1, Info: messages.FileInfo{Path: "a\x1b.txt"}, State: state, DoneItems: 5, DeadItems: 2}}
	}
	failed := file(messages.FileFailed)
	failed.Reason = "no line ends"
	worker := func(state messages.WorkerState, note string) []messages.WorkerStatus {
		return []messages.WorkerStatus{{ID: "w", State: state, Note: note}}
	}
	problems := func(kinds ...messages.ProblemKind) (p picture) {
		for _, k := range kinds {
			p.overview.Problems = append(p.overview.Problems, messages.Problem{Kind: k, Part: "input", Text: "text of " + string(k)})
		}
		return p
	}
	for _, x := range []struct {
		old, now picture
		want     []string
	}{
		{picture{}, picture{}, nil},
		{problems("a", "b"), problems("b", "c"), []string{"warn Problem: input: text of c", "info Problem a is over."}},
		{picture{}, picture{files: []*messages.FileStatus{file(messages.FileRunning)}}, []string{"info File a?.txt is in work."}},
		{picture{files: []*messages.FileStatus{file(messages.FileRunning)}}, picture{files: []*messages.FileStatus{file(messages.FileDone)}}, []string{"info File a?.txt is done: 5 items done, 0 failed, 2 dead."}},
		{picture{}, picture{files: []*messages.FileStatus{file(messages.FileDoneWithRejects)}}, []string{"warn File a?.txt is done with rejects: 5 items done, 0 failed, 2 dead."}},
		{picture{files: []*messages.FileStatus{file(messages.FileRunning)}}, picture{files: []*messages.FileStatus{failed}}, []string{"error File a?.txt is failed: no line ends."}},
		{picture{files: []*messages.FileStatus{failed}}, picture{files: []*messages.FileStatus{file(messages.FileRunning)}}, []string{"info File a?.txt is in work again."}},
		{picture{}, picture{workers: worker(messages.WorkerFree, "")}, []string{"info Worker w has come."}},
		{picture{workers: worker(messages.WorkerFree, "")}, picture{workers: worker(messages.WorkerBusy, "")}, nil},
		{picture{workers: worker(messages.WorkerBusy, "")}, picture{workers: worker(messages.WorkerLost, "")}, []string{"warn Worker w is lost."}},
		{picture{workers: worker(messages.WorkerLost, "")}, picture{workers: worker(messages.WorkerFree, "")}, []string{"info Worker w is back."}},
		{picture{workers: worker(messages.WorkerFree, "")}, picture{workers: worker(messages.WorkerGone, "")}, []string{"info Worker w has left."}},
		{picture{workers: worker(messages.WorkerFree, "")}, picture{workers: worker(messages.WorkerFree, "no disk")}, []string{"warn Worker w gets no chunks: no disk."}},
		{picture{workers: worker(messages.WorkerFree, "no disk")}, picture{workers: worker(messages.WorkerFree, "")}, []string{"info Worker w gets chunks again."}},
	} {
		var got []string
		for _, n := range notices(x.old, x.now) {
			require.NotNil(t, n.At)
			got = append(got, n.Level+" "+n.Text)
		}
		require.Equal(t, x.want, got)
	}
	many := picture{}
	for i := range 500 {
		many.workers = append(many.workers, messages.WorkerStatus{ID: messages.WorkerID(fmt.Sprintf("%03d", i))})
	}
	all := notices(picture{}, many)
	require.Len(t, all, maxNotices)
	require.Equal(t, "And 481 more changes.", all[maxNotices-1].Text)
}
