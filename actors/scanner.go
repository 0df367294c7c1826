package actors

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// scanner lists the input folder, and fingerprints and archives its files: one job at a
// time, because all of them wait for the same disk or share.
type scanner struct {
	files Files
	log   *slog.Logger
	owner *actor.PID // intake

	ctx    context.Context
	cancel context.CancelFunc
	tick   alarm
	look   lookout
	busy   bool  // a job is under way
	jobs   []any // *rescan, *glimpse, *fingerprint or *archive
}

type (
	// rescan asks for a listing now.
	rescan struct{}
	// glimpse asks for a listing if names were added or removed since the last one. The
	// answer is glimpsed, for the scanner itself.
	glimpse  struct{}
	glimpsed struct{ stamp time.Time }
	// atRest reports, after a listing, that nothing is expected to change in the folder.
	atRest struct{ files int }
	// fingerprint asks for the fingerprint of a file; the answer is fingerprinted.
	fingerprint struct{ file messages.FileInfo }
	// archive asks for a finished file to be moved away; the answer is archived.
	archive struct {
		id   messages.FileID
		file messages.FileInfo
	}
)

// scanTimeout bounds one job. Listing a share with 100,000 files takes 2 s.
const scanTimeout = time.Minute

func newScanner(files Files, log *slog.Logger, owner *actor.PID) actor.Actor {
	return &scanner{files: files, log: log, owner: owner}
}

// Receive implements actor.Actor.
func (s *scanner) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.ctx, s.cancel = context.WithCancel(context.Background())
		s.add(ctx, &rescan{})
	case *actor.Stopping:
		s.cancel()
		s.tick.stop()
	case *rang:
		if s.tick.rings(m) {
			s.lookAgain(ctx)
		}
	case *rescan, *fingerprint, *archive:
		s.add(ctx, m)
	case *atRest:
		s.look.rest(m.files, time.Now())
	case *glimpsed:
		s.onGlimpsed(ctx, m)
	case *listing:
		s.look.listed(m.stamp, m.began)
		s.done(ctx, m)
		s.tick.set(ctx, scanEvery)
	case *fingerprinted:
		s.done(ctx, m)
	case *archived:
		s.done(ctx, m)
	default:
		unknown(ctx)
	}
}

// lookAgain lists the folder, or looks only whether that is necessary.
func (s *scanner) lookAgain(ctx actor.Context) {
	if s.look.resting(time.Now()) {
		s.add(ctx, &glimpse{})
	} else {
		s.add(ctx, &rescan{})
	}
}

func (s *scanner) onGlimpsed(ctx actor.Context, m *glimpsed) {
	s.busy = false
	if s.look.see(m.stamp, time.Now()) {
		s.tick.set(ctx, scanEvery)
	} else {
		s.jobs = append(s.jobs, &rescan{})
	}
	s.next(ctx)
}

// add queues a job.
func (s *scanner) add(ctx actor.Context, job any) {
	s.jobs = append(s.jobs, job)
	s.next(ctx)
}

// done passes on the result of a job.
func (s *scanner) done(ctx actor.Context, result any) {
	s.busy = false
	ctx.Send(s.owner, result)
	s.next(ctx)
}

// next starts the next job unless one is under way.
func (s *scanner) next(ctx actor.Context) {
	if s.busy || len(s.jobs) == 0 {
		return
	}
	job := s.jobs[0]
	s.jobs[0] = nil // The array stays for a while.
	s.jobs = s.jobs[1:]
	s.busy = true
	parent, files := s.ctx, s.files
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, scanTimeout)
		defer cancel()
		switch m := job.(type) {
		case *fingerprint:
			return fingerprintOf(c, files, m.file)
		case *glimpse:
			return &glimpsed{stamp: stampOf(c, files)}
		case *archive:
			return &archived{id: m.id, file: m.file, err: files.Archive(c, m.file)}
		default:
			return list(c, files)
		}
	})
}

// list lists the folder.
func list(ctx context.Context, files Files) *listing {
	out := &listing{began: time.Now(), stamp: stampOf(ctx, files)}
	out.files, out.err = files.List(ctx)
	if o, ok := files.(Overlooking); ok {
		out.ignored = o.Ignored()
	}
	return out
}

// stampOf returns the modification time of the folder, or zero when it is not known.
func stampOf(ctx context.Context, files Files) time.Time {
	s, ok := files.(Stamped)
	if !ok {
		return time.Time{}
	}
	stamp, err := s.Stamp(ctx)
	if err != nil {
		return time.Time{} // the listing reports it
	}
	return stamp
}

// errStillOpen reports that a file that looks settled is open at another client.
var errStillOpen = errors.New("somebody has it open still")

// fingerprintOf takes a file's fingerprint, once nobody writes to it any more, and
// inspects its content.
func fingerprintOf(ctx context.Context, files Files, f messages.FileInfo) *fingerprinted {
	out := &fingerprinted{catalog.Fingerprint{File: f}}
	if r, ok := files.(Readiness); ok {
		ready, err := r.Ready(ctx, f)
		if err == nil && !ready {
			err = errStillOpen
		}
		if out.Err = err; err != nil {
			return out
		}
	}
	if out.Sum, out.Err = files.Fingerprint(ctx, f); out.Err == nil {
		out.Unfit, out.NULs, out.Err = inspect(ctx, files, f)
	}
	return out
}

// inspect reads the ends of a file and judges its content by them.
func inspect(ctx context.Context, files Files, f messages.FileInfo) (unfit string, nuls bool, err error) {
	whole := f.Size <= catalog.HeadBytes
	head, err := readRange(ctx, files, f, 0, min(f.Size, catalog.HeadBytes))
	if err != nil {
		return "", false, err
	}
	tail := head[max(0, len(head)-catalog.TailBytes):]
	if !whole {
		if tail, err = readRange(ctx, files, f, f.Size-catalog.TailBytes, catalog.TailBytes); err != nil {
			return "", false, err
		}
	}
	unfit, nuls = catalog.Inspect(head, tail, whole)
	return unfit, nuls, nil
}

func readRange(ctx context.Context, files Files, f messages.FileInfo, off, length int64) ([]byte, error) {
	out := make([]byte, 0, length)
	err := files.Stream(ctx, f, off, length, func(b []byte) error {
		out = append(out, b...)
		return nil
	})
	return out, err
}
