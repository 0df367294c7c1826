package actors

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

const (
	memEdge  = 64 << 10 // bytes of each end of a file that its fingerprint covers
	memBlock = 1 << 20  // bytes of the largest slice that a stream hands over
)

// memFiles is an input folder in memory. The zero value is an empty one.
type memFiles struct {
	mu      sync.Mutex
	files   map[string]*memFile // by path below the folder
	folders map[string]bool
	ignored messages.Ignored // by the last whole listing

	away int              // how many streams find no file
	bug  string           // whose content makes the reader panic
	bad  map[string]error // files that cannot be read
	gone error            // the folder cannot be listed
	kept error            // no file can be archived
}

// memFile is one file, whatever its name is. Its bytes are never changed: a change
// replaces the slice.
type memFile struct {
	data []byte
	at   time.Time
}

// Ignored implements Overlooking.
func (m *memFiles) Ignored() messages.Ignored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ignored
}

// setBad lets every read of the files fail; err nil lets them do well again.
func (m *memFiles) setBad(err error, paths ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bad == nil {
		m.bad = map[string]error{}
	}
	for _, p := range paths {
		m.bad[p] = err
	}
}

func (m *memFiles) setGone(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = err
}

func (m *memFiles) setKept(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = err
}

func (m *memFiles) setBug(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bug = path
}

// put writes a file. One that is there stays the same file with other content.
func (m *memFiles) put(path, data string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string]*memFile{}
	}
	if m.files[path] == nil {
		m.files[path] = &memFile{}
	}
	*m.files[path] = memFile{[]byte(data), at}
}

// get returns what a file is now, nothing when there is none.
func (m *memFiles) get(path string) memFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.files[path]; x != nil {
		return *x
	}
	return memFile{}
}

// remove deletes a file, or a folder.
func (m *memFiles) remove(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, path)
	delete(m.folders, path)
}

// List implements Files.
func (m *memFiles) List(ctx context.Context) ([]messages.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.gone != nil {
		return nil, m.gone
	}
	var out []messages.FileInfo
	var ignored messages.Ignored
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		switch x := m.files[name]; {
		case strings.Contains(name, "/"):
		case messages.IsInputName(name):
			out = append(out, messages.FileInfo{Path: name, Size: int64(len(x.data)), ModTime: x.at})
		default:
			ignored.Add(name, false)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.folders)) {
		ignored.Add(name, true)
	}
	m.ignored = ignored
	return out, nil
}

// look returns the file that f names. The caller holds the lock.
func (m *memFiles) look(f messages.FileInfo) (*memFile, error) {
	x := m.files[f.Path]
	if x == nil || int64(len(x.data)) != f.Size || !x.at.Equal(f.ModTime) {
		return nil, fmt.Errorf("open %s: %w", f.Path, messages.ErrFileChanged)
	}
	return x, nil
}

// open is look for a reader, as the faults of the moment have it. It returns the
// content of this moment, too.
func (m *memFiles) open(ctx context.Context, f messages.FileInfo) (*memFile, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if err := m.bad[f.Path]; err != nil {
		return nil, nil, err
	}
	x, err := m.look(f)
	if err != nil {
		return nil, nil, err
	}
	return x, x.data, nil
}

// Fingerprint implements Files.
func (m *memFiles) Fingerprint(ctx context.Context, f messages.FileInfo) (uint64, error) {
	_, data, err := m.open(ctx, f)
	if err != nil {
		return 0, err
	}
	if len(data) > 2*memEdge {
		data = slices.Concat(data[:memEdge], data[len(data)-memEdge:])
	}
	return xxhash.Sum64(data), nil
}

// Stream implements Files. It reads block by block, so a file that changes meanwhile
// is seen as it is then. A slice is overwritten once feed has returned, which shows
// whoever keeps it.
func (m *memFiles) Stream(ctx context.Context, f messages.FileInfo, off, length int64, feed func([]byte) error) error {
	if off < 0 || length < 0 || off > f.Size-length {
		return fmt.Errorf("stream %s: %w: %d bytes at %d of %d", f.Path, messages.ErrRange, length, off, f.Size)
	}
	x, _, err := m.open(ctx, f)
	if err != nil {
		return err
	}
	if err := m.fault(f); err != nil {
		return err
	}
	block := make([]byte, min(length, memBlock))
	for at, end := off, off+length; at < end; at += int64(len(block)) {
		block = block[:min(end-at, memBlock)]
		if err := m.read(ctx, f, x, at, block); err != nil {
			return err
		}
		err := feed(block)
		for i := range block {
			block[i] = '?'
		}
		if err != nil {
			return err
		}
	}
	if off+length < f.Size {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err = m.look(f)
	return err
}

// fault does what a test asked for at the beginning of a stream.
func (m *memFiles) fault(f messages.FileInfo) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away > 0 && f.Size > 0 {
		m.away--
		return fmt.Errorf("open %s: %w", f.Path, messages.ErrFileChanged)
	}
	if m.bug == f.Path {
		panic("a bug of the reader")
	}
	return nil
}

// read fills block from an open file, which may have changed.
func (m *memFiles) read(ctx context.Context, f messages.FileInfo, x *memFile, at int64, block []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at+int64(len(block)) > int64(len(x.data)) {
		return fmt.Errorf("read %s: it ends early: %w", f.Path, messages.ErrFileChanged)
	}
	copy(block, x.data[at:])
	return nil
}

// Archive implements Files.
func (m *memFiles) Archive(ctx context.Context, f messages.FileInfo) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(ctx.Err(), m.kept); err != nil {
		return err
	}
	x, err := m.look(f)
	if err != nil && m.files[f.Path] != nil {
		return err
	}
	for n := 1; ; n++ {
		to := f
		to.Path = messages.ArchiveName(f.Path, n)
		switch _, other := m.look(to); {
		case x == nil && other == nil:
			return nil // it was archived before
		case m.files[to.Path] != nil: // the name is taken
		case x == nil:
			return err
		default:
			m.files[to.Path] = x
			delete(m.files, f.Path)
			return nil
		}
	}
}

// memFolder lets the suite change the folder behind the back of its Files.
type memFolder struct{ *memFiles }

// Write implements infratest.Folder.
func (m memFolder) Write(_ *testing.T, name string, data []byte, modTime time.Time) {
	m.put(name, string(data), modTime)
}

// Append implements infratest.Folder.
func (m memFolder) Append(_ *testing.T, name string, data []byte) {
	x := m.get(name)
	m.put(name, string(x.data)+string(data), x.at)
}

// Truncate implements infratest.Folder.
func (m memFolder) Truncate(_ *testing.T, name string, size int64) {
	x := m.get(name)
	m.put(name, string(x.data[:size]), x.at)
}

// Rename implements infratest.Folder.
func (m memFolder) Rename(t *testing.T, from, to string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Contains(t, m.files, from)
	m.files[to] = m.files[from]
	delete(m.files, from)
}

// Remove implements infratest.Folder.
func (m memFolder) Remove(t *testing.T, name string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Contains(t, m.files, name)
	delete(m.files, name)
}

// Mkdir implements infratest.Folder.
func (m memFolder) Mkdir(_ *testing.T, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders == nil {
		m.folders = map[string]bool{}
	}
	m.folders[name] = true
}

// Read implements infratest.Folder.
func (m memFolder) Read(_ *testing.T, name string) []byte { return m.get(name).data }

// The folder of the actors' tests keeps the rules of the real ones.
func TestMemFilesKeepTheRules(t *testing.T) {
	t.Parallel()
	infratest.ExerciseFiles(t, func(*testing.T) (infratest.Files, infratest.Folder) {
		files := &memFiles{}
		return files, memFolder{files}
	})
}
