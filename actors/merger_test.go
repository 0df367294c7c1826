package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// mergeCalls merges as the test says, and tells what it was asked.
type mergeCalls struct {
	asked  chan messages.Books
	answer chan error
}

// Merge implements Merger.
func (m *mergeCalls) Merge(ctx context.Context, b messages.Books) (bool, error) {
	m.asked <- b
	select {
	case err := <-m.answer:
		return err == nil, err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (m *mergeCalls) next(t *testing.T) messages.Books {
	t.Helper()
	select {
	case b := <-m.asked:
		return b
	default:
		t.Fatal("no merge was asked for")
		return messages.Books{}
	}
}

// mergeableFile is a file that has ended and whose results are all recorded.
func mergeableFile(id messages.FileID, ended time.Time) messages.File {
	return messages.File{
		ID: id, State: messages.FileDone, Cursor: messages.Cursor{Index: 1}, Items: 2, DoneItems: 2, DoneChunks: 1, RecordedChunks: 1, Digested: true,
		Ended: ended,
	}
}

// onMergers runs a test with a merger whose dispatcher knows the books.
func onMergers(t *testing.T, test func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, dispatcher, owner *probe)) {
	t.Helper()
	onStage(t, func(s *stage) {
		calls := &mergeCalls{asked: make(chan messages.Books, 100), answer: make(chan error)}
		books := map[messages.FileID]messages.File{}
		dispatcher, owner := s.probe("dispatcher"), s.probe("owner")
		dispatcher.answer = func(ctx actor.Context, msg any) {
			if q, ok := msg.(messages.QueryBooks); ok {
				f, known := books[q.ID]
				if !known {
					ctx.Respond((*messages.Books)(nil))
					return
				}
				ctx.Respond(&messages.Books{File: f, Deployment: "D"})
			}
		}
		pid, _ := s.spawn("merger", func() actor.Actor { return newMerger(calls, s.log, dispatcher.pid, owner.pid) })
		s.tell(pid, &trustTerm{until: time.Now().Add(24 * time.Hour)})
		test(s, calls, pid, books, dispatcher, owner)
	})
}

func TestFilesAreMergedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	onMergers(t, func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, dispatcher, _ *probe) {
		ended := time.Now()
		for _, id := range []messages.FileID{3, 1, 2} {
			books[id] = mergeableFile(id, ended)
			s.tell(pid, &mergeFile{file: books[id]})
		}
		for _, want := range []messages.FileID{3, 1, 2} {
			require.Equal(t, want, calls.next(t).ID)
			require.Empty(t, calls.asked)
			calls.answer <- nil
			synctest.Wait()
			require.Equal(t, &fileMerged{id: want, ended: ended, merged: time.Now()}, expect[*fileMerged](dispatcher))
		}
		require.Empty(t, calls.asked)
	})
}

// A merge that fails is tried again, and shown from its second failure on.
func TestMergeThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	onMergers(t, func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, _, owner *probe) {
		books[1], books[2] = mergeableFile(1, time.Now()), mergeableFile(2, time.Now())
		s.tell(pid, &mergeFile{file: books[1]}, &mergeFile{file: books[2]})
		full := errors.New("the disk is full")
		trouble := func() (last mergeTrouble) {
			synctest.Wait()
			owner.mu.Lock()
			defer owner.mu.Unlock()
			for _, m := range owner.got {
				last = *m.(*mergeTrouble)
			}
			return last
		}
		require.EqualValues(t, 1, calls.next(t).ID)
		calls.answer <- full
		synctest.Wait()
		require.EqualValues(t, 2, calls.next(t).ID, "another one does not wait for it")
		calls.answer <- nil
		synctest.Wait()
		require.Equal(t, mergeTrouble{}, trouble())
		for n := range 12 {
			require.Empty(t, calls.asked)
			time.Sleep(min(mergeAgainMin<<n, mergeAgainMax))
			synctest.Wait()
			require.EqualValues(t, 1, calls.next(t).ID)
			calls.answer <- full
			synctest.Wait()
			require.Equal(t, mergeTrouble{files: 1, err: full}, trouble())
		}
		time.Sleep(mergeAgainMax)
		synctest.Wait()
		calls.next(t)
		calls.answer <- nil
		synctest.Wait()
		require.Equal(t, mergeTrouble{}, trouble())
	})
}

// Files that are forgotten or in work again meanwhile are left alone; one that has ended once
// more during its merge is merged again.
func TestFileThatChangesWhileItWaitsForItsMerge(t *testing.T) {
	t.Parallel()
	onMergers(t, func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, _, _ *probe) {
		first := time.Now()
		s.tell(pid, &mergeFile{file: mergeableFile(1, first)})
		require.Empty(t, calls.asked, "it is forgotten")
		books[2] = mergeableFile(2, time.Time{})
		s.tell(pid, &mergeFile{file: mergeableFile(2, first)})
		require.Empty(t, calls.asked, "it is in work again")
		books[2] = mergeableFile(2, first)
		s.tell(pid, &mergeFile{file: books[2]})
		require.EqualValues(t, 2, calls.next(t).ID)
		time.Sleep(time.Second)
		books[2] = mergeableFile(2, time.Now())
		s.tell(pid, &mergeFile{file: books[2]})
		calls.answer <- nil
		synctest.Wait()
		require.Equal(t, books[2].Ended, calls.next(t).Ended)
		calls.answer <- nil
	})
}

// A master that stood still may have been replaced: it begins no merge before its lease is
// renewed.
func TestMergeNeedsTrustInTheLease(t *testing.T) {
	t.Parallel()
	onMergers(t, func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, _, _ *probe) {
		books[1] = mergeableFile(1, time.Now())
		s.tell(pid, &trustTerm{until: time.Now().Add(-1)}, &mergeFile{file: books[1]})
		require.Empty(t, calls.asked)
		s.tell(pid, &trustTerm{until: time.Now().Add(time.Second)})
		require.EqualValues(t, 1, calls.next(t).ID)
		calls.answer <- nil
	})
}

// A file that has ended once more is merged when that is committed: its leader may lose the
// term before.
func TestMergeWaitsForTheCommitOfTheEnd(t *testing.T) {
	t.Parallel()
	onMergers(t, func(s *stage, calls *mergeCalls, pid *actor.PID, books map[messages.FileID]messages.File, _, _ *probe) {
		first := time.Now()
		books[1] = mergeableFile(1, first.Add(time.Second))
		s.tell(pid, &mergeFile{file: mergeableFile(1, first)})
		require.Empty(t, calls.asked, "its second end is not committed")
		s.tell(pid, &mergeFile{file: books[1]})
		require.Equal(t, books[1].Ended, calls.next(t).Ended)
		calls.answer <- nil
	})
}

// A merge ends when its actor does, and the next leader merges what is not merged.
func TestUnmergedFilesOfAFormerLeader(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		ended := time.Now().Add(-time.Hour)
		merged, foreign, unsound := mergeableFile(2, ended), mergeableFile(3, ended), mergeableFile(4, ended)
		merged.Merged = ended
		foreign.RecordedChunks = 0
		unsound.DoneItems = 1
		unmerged := mergeableFile(1, ended)
		calls := &mergeCalls{asked: make(chan messages.Books, 10), answer: make(chan error)}
		dispatcher := s.probe("dispatcher")
		dispatcher.answer = func(ctx actor.Context, msg any) {
			if q, ok := msg.(messages.QueryBooks); ok {
				ctx.Respond(&messages.Books{File: mergeableFile(q.ID, ended)})
			}
		}
		persistence, view := s.probe("persistence"), s.probe("view")
		pid, _ := s.spawn("intake", func() actor.Actor {
			return newIntake(intakeDeps{
				files: &memFiles{}, merger: calls, log: s.log, persistence: persistence.pid, view: view.pid,
			}, messages.Snapshot{Files: []*messages.File{&unmerged, &merged, &foreign, &unsound}})
		})
		s.tell(pid, &planFor{dispatcher: dispatcher.pid}, &trustTerm{until: time.Now().Add(time.Hour)})
		require.EqualValues(t, 1, calls.next(t).ID)
		calls.answer <- nil
		synctest.Wait()
		require.Empty(t, calls.asked)
		s.tell(pid, &fileEnded{file: mergeableFile(5, ended)})
		require.EqualValues(t, 5, calls.next(t).ID)
	})
}
