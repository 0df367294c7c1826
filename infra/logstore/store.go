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

// ErrLocked is the error of opening a folder that another process has open.
var ErrLocked = errors.New("locked by another process")

// lockWait is the time for which Open waits for another process to end.
const lockWait = 500 * time.Millisecond

// Sync determines when a commit is written to the disk.
type Sync uint8

// The values of Sync. The end of the process loses nothing with any of them.
const (
	SyncEverySecond Sync = iota // once a second; a loss of power loses the last second
	SyncAlways                  // before a commit returns
)

// syncEvery is the interval of SyncEverySecond.
const syncEvery = time.Second

// A snapshot replaces the log when the log is longer than minLogBytes, and than logFactor
// times the state. This keeps the cost of snapshots small compared to that of commits.
const (
	minLogBytes = 4 << 20
	logFactor   = 4
)

// Config holds the settings of a Store.
type Config struct {
	Dir  string // folder of the store, which is created if missing
	Sync Sync
	// Former is the path of a bbolt file of earlier versions, whose state is imported
	// once. It may be empty, and the file may be missing.
	Former string
	Logger *slog.Logger
}

// Store is a state store in a folder. It is safe for concurrent use. All methods return
// an error after Close.
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
	syncs      uint64 // of former logs
	limit      int64  // size of the log in bytes at which a snapshot is due
	frame      []byte // buffer of the record that is written
}

// maxFrame is how large a buffer may be that is kept for the next record.
const maxFrame = 256 << 10

// errClosed is the error of a closed store.
var errClosed = errors.New("the store is closed")

// Open opens the folder. The error wraps ErrLocked if another process has it open, and
// messages.ErrBadRecord, with the path and the cure, if its content is damaged.
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
	s.loop.Go(s.syncEverySecond)
	return s, nil
}

// load reads the newest generation, or the file of an earlier version, and begins
// the next one.
func (s *Store) load(former string) error {
	newest, err := s.newest()
	if err != nil {
		return err
	}
	if newest == 0 {
		if s.state, err = readFormer(former); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	} else if err := s.resume(newest); err != nil {
		return err
	}
	done, err := setAside(former)
	if done {
		s.log.Info("imported the state of an earlier version", "from", former, "kept_as", former+moved, "to", s.dir)
	}
	return err
}

// resume loads a generation and begins the next one.
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
		s.log.Warn("the state's log ends with an incomplete record after a crash: commits of the last second before it may be lost", "path", s.logPath(s.generation))
	}
	return s.begin()
}

// damaged adds path and cure to the error of a damaged file.
func damaged(path string, err error) error {
	if !errors.Is(err, messages.ErrBadRecord) {
		return err
	}
	return fmt.Errorf("%s: %w: restore the folder from a copy, or move it away to begin with an empty state, in which every input file is new", path, err)
}

// redo applies a record of the log to the state.
func (s *Store) redo(payload []byte) error {
	in := messages.RecordReader{Rest: payload}
	h, c := readHead(&in), readChange(&in)
	if err := checkEnd(&in, "batch"); err != nil {
		return err
	}
	s.state.apply(c, nil)
	s.state.head = h
	return nil
}

// begin starts a generation: it writes a snapshot of the present state and an empty log,
// and then removes the previous generation.
func (s *Store) begin() error {
	next := s.generation + 1
	if err := os.Remove(s.logPath(next)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // the log is of a generation that began without a snapshot
	}
	out, err := createLog(s.logPath(next))
	if err != nil {
		return err
	}
	if err := errors.Join(writeSnapshot(s.snapshotPath(next), s.state), syncFolder(s.dir)); err != nil {
		return errors.Join(err, out.file.Close())
	}
	if s.out != nil {
		s.syncs += s.out.syncs.Load()
		s.out.file.Close() // all of it is in the snapshot
	}
	s.generation, s.out = next, out
	s.limit = max(minLogBytes, logFactor*s.state.size())
	s.removeOldFiles()
	return nil
}

// Syncs returns how often the store has synced a log to disk, for measurements.
func (s *Store) Syncs() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.syncs + s.out.syncs.Load())
}

// Close syncs the log and unlocks the folder.
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
	if s.out.broken.Load() { // write the whole state, since the content of the log is not known
		err = s.begin()
	}
	if err := errors.Join(err, s.out.close(), s.lock.Unlock()); err != nil {
		return fmt.Errorf("close state: %w", err)
	}
	return nil
}

// syncEverySecond syncs commits that did not wait for it.
func (s *Store) syncEverySecond() {
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
		// The file is closed if its generation has ended meanwhile; the snapshot then
		// contains all of it.
		if err := out.sync(last); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, errBroken) {
			s.log.Warn("the state cannot be synced, the next commit writes a snapshot", "err", err)
		}
	}
}

// Load returns the state. It returns messages.ErrFenced if term is not the current one.
// An error that wraps messages.ErrBadRecord names the table and key that cannot be read.
func (s *Store) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, term); err != nil {
		return messages.Snapshot{}, fmt.Errorf("load: %w", err)
	}
	return s.state.snapshot()
}

// Commit applies the batch if term is current and the batch's number is the stored number
// + 1. Committing the last batch again succeeds without an effect. Everything else is
// messages.ErrFenced.
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
	if err := s.write(h, newChange(b), b.Files, s.mode == SyncAlways); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// write appends a change, which puts the files, to the log and applies it to the state in
// memory.
func (s *Store) write(h head, c change, files []*messages.File, sync bool) error {
	if s.out.broken.Load() || s.out.size > s.limit {
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.frame = appendChange(appendHead(s.frame[:0], h), c)
	err := s.out.append(s.frame)
	if cap(s.frame) > maxFrame {
		s.frame = nil
	}
	if err == nil && sync {
		err = s.out.sync(s.out.last)
	}
	if err != nil {
		return err
	}
	s.state.apply(c, files)
	s.state.head = h
	return nil
}

// check returns an error unless the store is open and term is the current one.
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

// Restore returns messages.ErrFilled, since the store always has a state.
func (s *Store) Restore(context.Context, messages.Term, messages.Snapshot) error {
	return fmt.Errorf("restore: %w", messages.ErrFilled)
}
