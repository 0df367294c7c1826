package infratest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"kafka-master/messages"
)

// MemoryStore is a state store in memory that keeps the rules of the real ones,
// their encoding included. It starts no goroutine and opens no socket, so it
// may live in a synctest bubble; its leases end by time.Now, bubble time
// included. Make it with NewMemoryStore.
type MemoryStore struct {
	mu      sync.Mutex
	began   bool // it holds a state
	term    messages.Term
	leader  messages.Leader
	names   map[string]presence
	held    bool
	until   time.Time // when the lease ends, while it is held
	number  uint64
	batch   string
	tables  map[messages.Table]map[string]string
	journal [][]byte
	keeps   bool
	past    []memoryState // before each of the last commits, if keeps

	restoring bool   // a state is being put back
	pause     *Pause // of the next restore
}

// memoryState is what Rewind goes back to.
type memoryState struct {
	number uint64
	batch  string
	tables map[messages.Table]map[string]string
}

// rewindable is how many commits Rewind can undo.
const rewindable = 8

// presence is a process that runs under a master id.
type presence struct {
	process string
	until   time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	s := &MemoryStore{names: map[string]presence{}}
	s.wipe()
	return s
}

func (s *MemoryStore) wipe() {
	s.began, s.leader = false, messages.Leader{}
	s.term, s.held, s.number, s.batch, s.journal, s.past = messages.Term{}, false, 0, "", nil, nil
	s.tables = map[messages.Table]map[string]string{}
	for _, table := range messages.Tables() {
		s.tables[table] = map[string]string{}
	}
}

// Wipe empties the store, term and lease included, as a Redis does that came
// back without its data.
func (s *MemoryStore) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
}

// KeepPast makes Rewind possible for the commits from now on.
func (s *MemoryStore) KeepPast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keeps = true
}

// Rewind undoes commits until number is the last one, as a Redis does that came
// back without its last second. It panics when that is too long ago.
func (s *MemoryStore) Rewind(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.past {
		if p.number == number {
			s.number, s.batch, s.tables, s.past = p.number, p.batch, p.tables, nil
			return
		}
	}
	panic(fmt.Sprintf("batch %d is too long ago", number))
}

// Number returns that of the last batch, whoever leads.
func (s *MemoryStore) Number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number
}

// Depose ends the lease, whoever has it.
func (s *MemoryStore) Depose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
}

// Snapshot returns what the store holds, whoever leads. It panics when a record
// cannot be read.
func (s *MemoryStore) Snapshot() messages.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap, err := s.snapshot()
	if err != nil {
		panic(err)
	}
	return snap
}

func (s *MemoryStore) snapshot() (messages.Snapshot, error) {
	snap := messages.Snapshot{Number: s.number, Values: map[string]string{}}
	for table, records := range s.tables {
		for key, record := range records {
			if err := snap.AddRecord(table, key, []byte(record)); err != nil {
				return messages.Snapshot{}, fmt.Errorf("load: %w", err)
			}
		}
	}
	snap.SortRecords()
	return snap, nil
}

// Load is that of the store port.
func (s *MemoryStore) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, "load", term); err != nil {
		return messages.Snapshot{}, err
	}
	return s.snapshot()
}

// Commit is that of the store port.
func (s *MemoryStore) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, "commit", term); err != nil {
		return err
	}
	if b.Number == s.number && b.ID == s.batch && s.number > 0 {
		return nil
	}
	if b.Number != s.number+1 {
		return fmt.Errorf("commit: %w: batch %d, the store has %d", messages.ErrFenced, b.Number, s.number)
	}
	if s.keeps {
		s.remember()
	}
	s.apply(b)
	for _, a := range b.Journal {
		s.journal = append(s.journal, a.EncodeRecord())
	}
	s.journal = s.journal[max(0, len(s.journal)-messages.JournalCap):]
	s.number, s.batch = b.Number, b.ID
	return nil
}

func (s *MemoryStore) remember() {
	p := memoryState{s.number, s.batch, map[messages.Table]map[string]string{}}
	for table, records := range s.tables {
		p.tables[table] = maps.Clone(records)
	}
	s.past = append(s.past, p)
	s.past = s.past[max(0, len(s.past)-rewindable):]
}

func (s *MemoryStore) apply(b messages.Batch) {
	for _, w := range b.TableWrites() {
		records := s.tables[w.Table]
		for i, key := range w.Keys {
			records[key] = string(w.Records[i])
		}
		for _, key := range w.Drops {
			delete(records, key)
		}
	}
}

// Restore is that of the store port.
func (s *MemoryStore) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := s.claim(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	s.mu.Lock()
	pause := s.pause
	s.pause = nil
	s.mu.Unlock()
	if pause != nil {
		pause.Stand(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restoring = false
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	s.wipe()
	s.began, s.number, s.term = true, snap.Number, messages.Term{Number: last.Number + 1}
	s.apply(snap.Batch())
	return nil
}

// claim keeps others out while a state is put back.
func (s *MemoryStore) claim() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.began:
		return messages.ErrFilled
	case s.restoring:
		return messages.ErrRestoring
	}
	s.restoring = true
	return nil
}

// HoldRestore makes the next restore stop in the middle.
func (s *MemoryStore) HoldRestore() *Pause {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause = NewPause()
	return s.pause
}

// Journal is that of the store port.
func (s *MemoryStore) Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []messages.Attempt
	for i := len(s.journal) - 1; i >= 0 && len(list) < limit; i-- {
		a, err := messages.DecodeAttempt(s.journal[i])
		if err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		if a.Chunk.File == file {
			list = append(list, a)
		}
	}
	return list, nil
}

// Acquire is that of the lease port: refused while another holder's lease runs.
func (s *MemoryStore) Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error) {
	if err := ctx.Err(); err != nil {
		return messages.LeaseState{}, fmt.Errorf("acquire lease: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case !s.began && (s.restoring || !c.Init):
		return messages.LeaseState{Empty: true, Restoring: s.restoring}, nil
	case s.held && now.Before(s.until) && s.term.Holder != c.Holder:
		return messages.LeaseState{Term: s.term, Leader: s.leader, Remaining: s.until.Sub(now)}, nil
	case c.Look:
		return messages.LeaseState{Free: true, Term: s.term}, nil
	}
	s.began, s.leader = true, c.Leader
	s.term = messages.Term{Number: s.term.Number + 1, Holder: c.Holder}
	s.held, s.until = true, now.Add(ttl)
	return messages.LeaseState{Taken: true, Term: s.term, Leader: s.leader}, nil
}

// Values returns stored values, whoever leads.
func (s *MemoryStore) Values(ctx context.Context, names ...string) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read values: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, name := range names {
		if v, ok := s.tables[messages.TableValues][name]; ok && s.began {
			out[name] = v
		}
	}
	return out, nil
}

// Present is that of the lease port.
func (s *MemoryStore) Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("present: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if p, ok := s.names[master]; ok && p.process != process && now.Before(p.until) {
		return false, nil
	}
	s.names[master] = presence{process, now.Add(ttl)}
	return true, nil
}

// Renew is that of the lease port. An ended lease cannot be renewed.
func (s *MemoryStore) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, "renew lease", term); err != nil {
		return 0, err
	}
	now := time.Now()
	if !s.held || !now.Before(s.until) {
		return 0, fmt.Errorf("renew lease: %w: the lease has ended", messages.ErrFenced)
	}
	s.until = now.Add(ttl)
	return s.number, nil
}

// Release is that of the lease port.
func (s *MemoryStore) Release(ctx context.Context, term messages.Term) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if term == s.term {
		s.held = false
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

func (s *MemoryStore) check(ctx context.Context, what string, term messages.Term) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !s.began {
		return fmt.Errorf("%s: %w", what, messages.ErrEmpty)
	}
	if term != s.term || term.Number == 0 {
		return fmt.Errorf("%s: %w: term %d of %.64q, the store has term %d of %.64q", what, messages.ErrFenced,
			term.Number, term.Holder, s.term.Number, s.term.Holder)
	}
	return nil
}
