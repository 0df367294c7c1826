package logstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"kafka-master/messages"
)

// ErrLocked says that another process has the folder open.
var ErrLocked = errors.New("locked by another process")

// lockWait is how long Open waits for a process that is just ending.
const lockWait = 500 * time.Millisecond

// Sync is when a commit is put on disk.
type Sync uint8

// The ways to sync. A killed process loses nothing with either.
const (
	SyncEverySecond Sync = iota // a loss of power may cost the last second
	SyncAlways                  // before a commit returns
)

// syncEvery is how long a commit may be in the system's memory only.
const syncEvery = time.Second

// A log is replaced by a snapshot when it is longer than this, and than a few times
// the state: so the work of snapshots stays a small share of that of commits.
const (
	minLogBytes = 4 << 20
	logFactor   = 4
)

// Config says where and how a Store keeps the state.
type Config struct {
	Dir  string // folder of the store's own; it is made when missing
	Sync Sync
	// Former is the path of a bbolt file of earlier versions, whose state is moved
	// over once; empty or missing is none.
	Former string
	Logger *slog.Logger
}

// Store is a state store in a folder. It is safe for concurrent use. After Close
// every method returns an error.
type Store struct {
	dir   string
	mode  Sync
	log   *slog.Logger
	lock  *flock.Flock
	ended chan struct{} // closed by Close
	loop  sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	generation uint64
	state      *state
	out        *log
	limit      int64 // bytes of the log after which a snapshot is due
}

// errClosed is the answer of a store that was closed.
var errClosed = errors.New("the store is closed")

// Open opens the folder. The error wraps ErrLocked when another process has it
// open, and messages.ErrBadRecord, with the path and the cure, when what it holds
// is damaged.
func Open(cfg Config) (*Store, error) {
	s := &Store{dir: cfg.Dir, mode: cfg.Sync, log: cfg.Logger, ended: make(chan struct{})}
	if err := os.MkdirAll(s.dir, folderMode); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	s.lock = flock.New(filepath.Join(s.dir, "lock"), flock.SetPermissions(fileMode))
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	if ok, err := s.lock.TryLockContext(ctx, lockWait/10); !ok {
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("open state in %s: %w: stop the other kafka-master that uses it, or set another DATA_DIR", s.dir, ErrLocked)
		}
		return nil, fmt.Errorf("open state in %s: %w", s.dir, err)
	}
	if err := s.load(cfg.Former); err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), s.lock.Unlock())
	}
	s.loop.Go(s.syncNowAndThen)
	return s, nil
}

// load reads the newest generation, or the file of an earlier version, and begins
// the next one.
func (s *Store) load(former string) error {
	list, err := s.generations()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if s.state, err = readFormer(former); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	} else if err := s.resume(list[0]); err != nil {
		return err
	}
	done, err := setAside(former)
	if done {
		s.log.Info("the state of an earlier version was moved over", "from", former, "kept_as", former+moved, "to", s.dir)
	}
	return err
}

// resume goes on from a generation.
func (s *Store) resume(generation uint64) (err error) {
	s.generation = generation
	path := s.snapshotPath(s.generation)
	if s.state, err = readSnapshot(path); err != nil {
		return damaged(path, err)
	}
	torn, err := replay(s.logPath(s.generation), s.redo)
	if err != nil {
		return damaged(s.logPath(s.generation), err)
	}
	if torn {
		s.log.Warn("the end of the state's log was cut off by a crash: what was committed in the last second before it may be lost", "path", s.logPath(s.generation))
	}
	return s.begin()
}

// damaged adds the cure to the error of a file that cannot be read.
func damaged(path string, err error) error {
	if !errors.Is(err, messages.ErrBadRecord) {
		return err
	}
	return fmt.Errorf("%s: %w: put a copy of the folder back, or move the folder away to begin with an empty state, which takes every input file as new", path, err)
}

// redo applies a record of the log.
func (s *Store) redo(payload []byte) error {
	in := reader{rest: payload}
	h, c := in.head(), in.change()
	if err := in.end("batch"); err != nil {
		return err
	}
	s.state.apply(c)
	s.state.head = h
	return nil
}

// begin starts a generation: a snapshot of the present state and an empty log. The
// former one is removed when both are on disk.
func (s *Store) begin() error {
	next := s.generation + 1
	if err := os.Remove(s.logPath(next)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // of a generation that was begun and never got its snapshot
	}
	out, err := createLog(s.logPath(next))
	if err != nil {
		return err
	}
	if err := errors.Join(writeSnapshot(s.snapshotPath(next), s.state), syncFolder(s.dir)); err != nil {
		return errors.Join(err, out.file.Close())
	}
	if s.out != nil {
		s.out.file.Close() // its content is in the snapshot
	}
	s.generation, s.out = next, out
	s.limit = max(minLogBytes, logFactor*s.state.size())
	s.sweep()
	return nil
}

// Close puts everything on disk and gives the folder free.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.ended)
	s.mu.Unlock()
	s.loop.Wait()
	var err error
	if s.out.broken.Load() { // nobody knows what it holds: the state is written once more
		err = s.begin()
	}
	if err := errors.Join(err, s.out.close(), s.lock.Unlock()); err != nil {
		return fmt.Errorf("close state: %w", err)
	}
	return nil
}

// syncNowAndThen puts commits on disk that did not wait for it.
func (s *Store) syncNowAndThen() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		out, last := s.out, s.out.last
		s.mu.Unlock()
		// A generation that ended meanwhile has its file closed: the snapshot holds
		// all of it.
		if err := out.sync(last); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, errBroken) {
			s.log.Warn("the state cannot be synced, the next commit writes it anew", "err", err)
		}
	}
}

// Load returns the state for the holder of term. It returns messages.ErrFenced when
// term is not the current one; an error that wraps messages.ErrBadRecord names the
// table and key that cannot be read.
func (s *Store) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, term); err != nil {
		return messages.Snapshot{}, fmt.Errorf("load: %w", err)
	}
	return s.state.snapshot()
}

// Commit applies the batch, only if term is current and the batch's number is the
// stored number + 1. The same number with the same id is a success without effect;
// everything else is messages.ErrFenced.
func (s *Store) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, term); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	h := s.state.head
	if b.Number == h.number && b.ID == h.batch && b.Number > 0 {
		return nil
	}
	if b.Number != h.number+1 {
		return fmt.Errorf("commit: %w: batch %d, the store has %d", messages.ErrFenced, b.Number, h.number)
	}
	h.number, h.batch = b.Number, b.ID
	if err := s.write(h, newChange(b), s.mode == SyncAlways); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// write appends to the log, then to memory.
func (s *Store) write(h head, c change, sync bool) error {
	if s.out.broken.Load() || s.out.size > s.limit {
		if err := s.begin(); err != nil {
			return err
		}
	}
	err := s.out.append(appendChange(appendHead(nil, h), c))
	if err == nil && sync {
		err = s.out.sync(s.out.last)
	}
	if err != nil {
		return err
	}
	s.state.apply(c)
	s.state.head = h
	return nil
}

// check reports whether the holder of term may go on.
func (s *Store) check(ctx context.Context, term messages.Term) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if term != s.state.head.term || term.Number == 0 {
		return fmt.Errorf("%w: term %d of %.64q, the store has term %d of %.64q", messages.ErrFenced,
			term.Number, term.Holder, s.state.head.term.Number, s.state.head.term.Holder)
	}
	return nil
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return errClosed
	}
	return ctx.Err()
}

// Journal returns the newest attempts of the file, newest first, at most limit.
func (s *Store) Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return s.state.attempts(file, limit)
}

// Restore returns messages.ErrFilled: the store always has a state.
func (s *Store) Restore(context.Context, messages.Term, messages.Snapshot) error {
	return fmt.Errorf("restore: %w", messages.ErrFilled)
}
