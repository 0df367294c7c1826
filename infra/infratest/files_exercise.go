package infratest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// FilesRules are the rules that every input folder has to keep, by name. Each of
// them begins with an empty folder.
func FilesRules() map[string]func(*testing.T, Files, Folder) {
	return map[string]func(*testing.T, Files, Folder){
		"listing":            exerciseListing,
		"many files":         exerciseManyFiles,
		"stamp":              exerciseStamp,
		"unicode names":      exerciseUnicode,
		"ranges":             exerciseRanges,
		"bad ranges":         exerciseBadRanges,
		"fingerprint":        exerciseFingerprint,
		"other version":      exerciseOtherVersion,
		"cut while read":     exerciseCutWhileRead,
		"grown while read":   exerciseGrownWhileRead,
		"removed while read": exerciseRemovedWhileRead,
		"feed error":         exerciseFeedError,
		"cancel":             exerciseCancel,
		"parallel":           exerciseParallelReads,
		"archive":            exerciseArchive,
		"archive of changed": exerciseArchiveChanged,
	}
}

// ExerciseFiles runs all rules. open returns an empty folder each time that it is
// called, and closes it by t.Cleanup.
func ExerciseFiles(t *testing.T, open func(t *testing.T) (Files, Folder)) {
	t.Helper()
	for name, exercise := range FilesRules() {
		t.Run(name, func(t *testing.T) {
			files, folder := open(t)
			exercise(t, files, folder)
		})
	}
}

func exerciseListing(t *testing.T, files Files, folder Folder) {
	list, err := files.List(context.Background())
	require.NoError(t, err)
	require.Empty(t, list, "an empty folder")
	want := []string{"B.TXT", "a b.txt", "a.txt", "a.txt.txt", "list.TxT", "tmp.txt"}
	for i, name := range want {
		folder.Write(t, name, make([]byte, i), day.Add(time.Duration(i)*time.Hour))
	}
	for _, name := range []string{
		".hidden.txt", ".txt", "~a.txt", "~$a.txt", "a.txt.part", "a.txt.PART", "a.txt.tmp", "a.txt.Tmp",
		"a.txt.filepart", "a.txt.FilePart", "a.csv", "txt", "atxt", "a.txt~", "a.txt.gz", "a.text",
	} {
		folder.Write(t, name, []byte("x\n"), day)
	}
	folder.Mkdir(t, "folder.txt")
	folder.Mkdir(t, "sub")
	folder.Write(t, "sub/below.txt", []byte("x\n"), day)
	list, err = files.List(context.Background())
	require.NoError(t, err)
	var got []string
	for _, f := range list {
		i := slices.Index(want, f.Path)
		require.GreaterOrEqual(t, i, 0, f.Path)
		require.Equal(t, int64(i), f.Size, f.Path)
		require.True(t, f.ModTime.Equal(day.Add(time.Duration(i)*time.Hour)), "%s: %s", f.Path, f.ModTime)
		got = append(got, f.Path)
	}
	require.Equal(t, want, got)
	if o, ok := files.(interface{ Ignored() messages.Ignored }); ok {
		// a.csv, txt, atxt, a.txt.gz, a.text, folder.txt/ and sub/
		require.Equal(t, 7, o.Ignored().Count, "%q", o.Ignored().Names)
	}

	folder.Rename(t, "a.txt.part", "late.txt")
	folder.Remove(t, "a.txt")
	find(t, files, "late.txt")
	list, err = files.List(context.Background())
	require.NoError(t, err)
	require.Len(t, list, len(want))
}

func exerciseManyFiles(t *testing.T, files Files, folder Folder) {
	n := 10_000
	if testing.Short() {
		n = 1100 // more than two pages of a local listing
	}
	for i := range n {
		folder.Write(t, fmt.Sprintf("f%05d.txt", i), nil, day)
	}
	list, err := files.List(context.Background())
	require.NoError(t, err)
	require.Len(t, list, n)
	for i, f := range list {
		require.Equal(t, fmt.Sprintf("f%05d.txt", i), f.Path)
	}
}

// exerciseStamp checks that the time of the folder, where it is known, shows names that come
// and go. Its resolution may be 2 s, so it is not asked for at once.
func exerciseStamp(t *testing.T, files Files, folder Folder) {
	s, ok := files.(interface {
		Stamp(ctx context.Context) (time.Time, error)
	})
	if !ok {
		return
	}
	stamp := func() time.Time {
		at, err := s.Stamp(context.Background())
		require.NoError(t, err)
		return at
	}
	changes := func(what string, do func()) {
		before := stamp()
		require.Eventually(t, func() bool {
			do()
			return !stamp().Equal(before)
		}, 10*time.Second, 20*time.Millisecond, what)
	}
	n := 0
	changes("a new file", func() { n++; folder.Write(t, fmt.Sprintf("%d.txt", n), []byte("x\n"), day) })
	changes("a rename", func() { folder.Rename(t, fmt.Sprintf("%d.txt", n), fmt.Sprintf("%d.txt", n+1)); n++ })
	changes("a removal", func() { folder.Write(t, "gone.tmp", nil, day); folder.Remove(t, "gone.tmp") })
	before := stamp()
	require.True(t, stamp().Equal(before), "nothing changed")
}

func exerciseUnicode(t *testing.T, files Files, folder Folder) {
	for _, name := range []string{"grüße – naïve.txt", "文件.txt", "🙂.txt", "пример & 'a' #1 %20.txt", "-rf.txt"} {
		f := put(t, files, folder, name, []byte(name))
		got, err := read(files, f, 0, f.Size)
		require.NoError(t, err)
		require.Equal(t, name, string(got))
		_, err = files.Fingerprint(context.Background(), f)
		require.NoError(t, err)
		require.NoError(t, files.Archive(context.Background(), f))
		require.Equal(t, name, string(folder.Read(t, "processed/"+name)))
	}
}

func exerciseRanges(t *testing.T, files Files, folder Folder) {
	const mib = 1 << 20
	data := pattern(5*mib + 123)
	f := put(t, files, folder, "a.txt", data)
	size := int64(len(data))
	for _, r := range [][2]int64{
		{0, size}, {0, 0}, {0, 1}, {size, 0}, {size - 1, 1}, {1, size - 1}, {mib - 1, 2}, {mib, mib}, {3, mib + 1},
		{7, 4 * mib}, {5 * mib, 123}, {100, 1000}, {0, mib}, {0, 3 * mib},
	} {
		got, err := read(files, f, r[0], r[1])
		require.NoError(t, err)
		require.True(t, bytes.Equal(data[r[0]:r[0]+r[1]], got), "%d bytes at %d came back changed", r[1], r[0])
	}
	empty := put(t, files, folder, "empty.txt", nil)
	got, err := read(files, empty, 0, 0)
	require.NoError(t, err)
	require.Empty(t, got)
}

func exerciseBadRanges(t *testing.T, files Files, folder Folder) {
	f := put(t, files, folder, "a.txt", pattern(1000))
	for _, r := range [][2]int64{{-1, 1}, {0, -1}, {0, 1001}, {1000, 1}, {1001, 0}, {1, 1<<63 - 1}, {1<<63 - 1, 1<<63 - 1}} {
		_, err := read(files, f, r[0], r[1])
		require.ErrorIs(t, err, messages.ErrRange, "%d bytes at %d", r[1], r[0])
	}
}

func exerciseFingerprint(t *testing.T, files Files, folder Folder) {
	const edge = 64 << 10
	for _, size := range []int{0, 1, edge, 2*edge - 1, 2 * edge, 2*edge + 1, 1 << 20} {
		data := pattern(size)
		f := put(t, files, folder, "a.txt", data)
		covered := data
		if size > 2*edge {
			covered = slices.Concat(data[:edge], data[size-edge:])
		}
		got, err := files.Fingerprint(context.Background(), f)
		require.NoError(t, err)
		require.Equal(t, xxhash.Sum64(covered), got, "size %d", size)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := files.Fingerprint(ctx, find(t, files, "a.txt"))
	require.ErrorIs(t, err, context.Canceled)
}

// requireNotServed checks that nothing is done with a version that is not there.
func requireNotServed(t *testing.T, files Files, f messages.FileInfo, what string) {
	t.Helper()
	got, err := read(files, f, 0, f.Size)
	requireChanged(t, err, what+": stream")
	require.Empty(t, got, what)
	_, err = read(files, f, 10, 5)
	requireChanged(t, err, what+": range")
	_, err = files.Fingerprint(context.Background(), f)
	requireChanged(t, err, what+": fingerprint")
	requireChanged(t, files.Archive(context.Background(), f), what+": archive")
}

func exerciseOtherVersion(t *testing.T, files Files, folder Folder) {
	data := pattern(1000)
	f := put(t, files, folder, "a.txt", data)
	folder.Append(t, "a.txt", []byte("more"))
	requireNotServed(t, files, f, "grown")

	f = put(t, files, folder, "a.txt", data)
	folder.Truncate(t, "a.txt", 999)
	requireNotServed(t, files, f, "cut")

	f = put(t, files, folder, "a.txt", data)
	folder.Write(t, "a.txt", bytes.ToUpper(data), day.Add(time.Second))
	requireNotServed(t, files, f, "same size, other time")

	f = put(t, files, folder, "a.txt", data)
	folder.Write(t, "b.tmp", pattern(1001), day)
	folder.Rename(t, "b.tmp", "a.txt")
	requireNotServed(t, files, f, "replaced")

	f = put(t, files, folder, "a.txt", data)
	folder.Remove(t, "a.txt")
	requireNotServed(t, files, f, "removed")
	folder.Mkdir(t, "a.txt")
	requireNotServed(t, files, f, "a folder now")
}

// streamWith streams the whole file and calls change when the first bytes come.
func streamWith(files Files, f messages.FileInfo, change func()) (got []byte, err error) {
	first := true
	err = files.Stream(context.Background(), f, 0, f.Size, func(b []byte) error {
		if first {
			first = false
			change()
		}
		got = append(got, b...)
		return nil
	})
	return got, err
}

func exerciseCutWhileRead(t *testing.T, files Files, folder Folder) {
	data := pattern(24 << 20)
	f := put(t, files, folder, "a.txt", data)
	got, err := streamWith(files, f, func() { folder.Truncate(t, "a.txt", 12<<20) })
	requireChanged(t, err, "cut in the middle")
	require.True(t, bytes.HasPrefix(data, got), "bytes that the file never had")

	f = put(t, files, folder, "a.txt", data[:1000])
	_, err = streamWith(files, f, func() { folder.Truncate(t, "a.txt", 10) })
	requireChanged(t, err, "cut after the last byte was read")
}

func exerciseGrownWhileRead(t *testing.T, files Files, folder Folder) {
	f := put(t, files, folder, "a.txt", pattern(3<<20))
	_, err := streamWith(files, f, func() { folder.Append(t, "a.txt", []byte("x")) })
	requireChanged(t, err, "grown")

	f = put(t, files, folder, "b.txt", pattern(3<<20))
	_, err = streamWith(files, f, func() { folder.Write(t, "b.txt", pattern(3<<20), day.Add(time.Hour)) })
	requireChanged(t, err, "written again")
}

func exerciseRemovedWhileRead(t *testing.T, files Files, folder Folder) {
	f := put(t, files, folder, "a.txt", pattern(3<<20))
	folder.Write(t, "new.tmp", pattern(4<<20), day)
	_, err := streamWith(files, f, func() { folder.Rename(t, "new.tmp", "a.txt") })
	requireChanged(t, err, "replaced")
}

func exerciseFeedError(t *testing.T, files Files, folder Folder) {
	enough := errors.New("enough")
	for _, size := range []int{1000, 8 << 20} {
		f := put(t, files, folder, "a.txt", pattern(size))
		calls := 0
		err := files.Stream(context.Background(), f, 0, f.Size, func([]byte) error {
			calls++
			return enough
		})
		require.ErrorIs(t, err, enough)
		require.Equal(t, 1, calls)
	}
}

func exerciseCancel(t *testing.T, files Files, folder Folder) {
	f := put(t, files, folder, "a.txt", pattern(16<<20))
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err := files.Stream(ctx, f, 0, f.Size, func([]byte) error {
		calls++
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, messages.ErrFileChanged)
	require.Equal(t, 1, calls, "fed after the end")
	err = files.Stream(ctx, f, 0, f.Size, func([]byte) error { return errors.New("fed") })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, files.Archive(ctx, f), context.Canceled)
	_, err = files.List(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func exerciseParallelReads(t *testing.T, files Files, folder Folder) {
	data := pattern(6 << 20)
	f := put(t, files, folder, "a.txt", data)
	results := make(chan error, 4)
	for i := range int64(4) {
		go func() {
			got, err := read(files, f, i<<20, 2<<20)
			if err == nil && !bytes.Equal(got, data[i<<20:(i+2)<<20]) {
				err = errors.New("bytes of another reader")
			}
			results <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-results)
	}
}

func exerciseArchive(t *testing.T, files Files, folder Folder) {
	ctx := context.Background()
	names := []string{"a.txt", "a-2.txt", "a-3.txt"}
	for n, name := range names {
		text := pattern(100 + n)
		f := put(t, files, folder, "a.txt", text)
		require.NoError(t, files.Archive(ctx, f))
		require.Nil(t, folder.Read(t, "a.txt"))
		require.Equal(t, text, folder.Read(t, "processed/"+name), name)
		require.NoError(t, files.Archive(ctx, f), "again, as after a lost answer")
	}
	for n, name := range names {
		require.Equal(t, pattern(100+n), folder.Read(t, "processed/"+name), "%s was replaced", name)
	}
	list, err := files.List(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
}

func exerciseArchiveChanged(t *testing.T, files Files, folder Folder) {
	ctx := context.Background()
	f := put(t, files, folder, "a.txt", []byte("one"))
	folder.Write(t, "a.txt", []byte("another"), day)
	requireChanged(t, files.Archive(ctx, f), "changed")
	require.Equal(t, "another", string(folder.Read(t, "a.txt")), "a changed file stays where it is")
	folder.Remove(t, "a.txt")
	requireChanged(t, files.Archive(ctx, f), "gone")
}
