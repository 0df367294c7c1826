package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// files lists the regular files below dir, temporary ones as "(temp)".
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if filepath.Base(filepath.Dir(path)) == tempFolder {
			rel = "(temp)"
		}
		out = append(out, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestResultPath(t *testing.T) {
	r := Results{Dir: "/r"}
	tests := []struct{ file, name, want string }{
		{"a.txt", "a_chunk_0", "/r/a.txt/a_chunk_0.jsonl"},
		{"in/deep/a.txt", "a_chunk_0_g2", "/r/in%2Fdeep%2Fa.txt/a_chunk_0_g2.jsonl"},
		{"../a.txt", "a", "/r/%2E.%2Fa.txt/a.jsonl"},
		{"/etc/passwd", "a", "/r/%2Fetc%2Fpasswd/a.jsonl"},
		{"scan 12:30.txt", "a", "/r/scan 12%3A30.txt/a.jsonl"},
		{"", "a", "/r/_/a.jsonl"},
		{"..", "a", "/r/%2E%2E/a.jsonl"},
		{"a\x00b", "a", "/r/a%00b/a.jsonl"},
		{"a.txt", "..", "/r/a.txt/...jsonl"},
	}
	for _, tt := range tests {
		if got := r.Path(Chunk{File: tt.file, Name: tt.name, Generation: 1}); got != tt.want {
			t.Errorf("%q %q: %s, want %s", tt.file, tt.name, got, tt.want)
		}
	}
	for _, name := range []string{"../../x", "a/b", "a\x00b", strings.Repeat("n", 255), "ä", " "} {
		got := r.Path(Chunk{File: "f", Name: name})
		if filepath.Dir(got) != "/r/f" || len(filepath.Base(got)) > 255 || strings.ContainsAny(got, "\x00ä ") {
			t.Errorf("%q: %s", name, got)
		}
	}
	if got := r.Path(Chunk{File: "A.txt", Generation: 2, BatchID: "A_chunk_1_g2_a3"}); got != "/r/A.txt%+1@2/A_chunk_1_g2.jsonl" {
		t.Errorf("second generation: %s", got)
	}
	if got := r.Path(Chunk{BatchID: "a_chunk_1_a3"}); got != "/r/_/a_chunk_1.jsonl" {
		t.Errorf("without a name: %s", got)
	}
}

func TestResult(t *testing.T) {
	chunk := Chunk{BatchID: "a_chunk_0", Name: "a_chunk_0", File: "a.txt", Attempt: 1}
	const want = "a.txt/a_chunk_0.jsonl"
	begin := func(t *testing.T, dir, text string) *ResultFile {
		t.Helper()
		f, err := Results{Dir: dir}.Create(chunk)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	t.Run("killed before the commit: no result", func(t *testing.T) {
		dir := t.TempDir()
		f := begin(t, dir, "half")
		if err := f.buf.Flush(); err != nil {
			t.Fatal(err)
		}
		_, _ = f.file.Close(), f.root.Close()
		if got := files(t, dir); fmt.Sprint(got) != "[(temp)]" {
			t.Errorf("files %v", got)
		}
	})
	t.Run("commit", func(t *testing.T) {
		dir := t.TempDir()
		f := begin(t, dir, "one\n")
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		f.Abort() // has no effect after the commit
		if got, err := os.ReadFile(filepath.Join(dir, want)); string(got) != "one\n" {
			t.Errorf("result %q, %v", got, err)
		}
		if err := f.Commit(); !errors.Is(err, errResultEnded) {
			t.Errorf("second commit: %v", err)
		}
		if _, err := f.Write(nil); !errors.Is(err, errResultEnded) {
			t.Errorf("write after commit: %v", err)
		}
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("files %v", got)
		}
	})
	t.Run("abort", func(t *testing.T) {
		dir := t.TempDir()
		f := begin(t, dir, "one\n")
		f.Abort()
		f.Abort()
		if got := files(t, dir); len(got) != 0 {
			t.Errorf("files %v", got)
		}
	})
	t.Run("commit that fails", func(t *testing.T) {
		dir := t.TempDir()
		f := begin(t, dir, "one\n")
		_ = f.file.Close()
		if err := f.Commit(); !errors.Is(err, ErrRetry) {
			t.Error("no error")
		}
		f = begin(t, dir, "one\n")
		if err := os.MkdirAll(filepath.Join(dir, want, "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); !errors.Is(err, ErrRetry) {
			t.Error("no error")
		}
		if got := files(t, dir); len(got) != 0 {
			t.Errorf("files %v", got)
		}
	})
	t.Run("two workers at once leave one complete result", func(t *testing.T) {
		dir := t.TempDir()
		var wg sync.WaitGroup
		for i := range 8 {
			text := strings.Repeat(fmt.Sprint(i, "\n"), 50_000)
			f := begin(t, dir, text)
			wg.Go(func() {
				if err := f.Commit(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := os.ReadFile(filepath.Join(dir, want))
		if err != nil || len(got) != 100_000 || strings.Trim(string(got), string(got[:2])) != "" {
			t.Errorf("result of %d bytes, %v", len(got), err)
		}
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("files %v", got)
		}
	})
	t.Run("old temporary files of the chunk, and only those, are removed", func(t *testing.T) {
		dir := t.TempDir()
		old := begin(t, dir, "")
		fresh := begin(t, dir, "")
		other, err := Results{Dir: dir}.Create(Chunk{BatchID: "a_chunk_1", File: chunk.File})
		if err != nil {
			t.Fatal(err)
		}
		past := time.Now().Add(-25 * time.Hour)
		for _, f := range []*ResultFile{old, other} {
			if err := f.root.Chtimes(f.temp, past, past); err != nil {
				t.Fatal(err)
			}
		}
		begin(t, dir, "").Abort()
		for f, want := range map[*ResultFile]bool{old: false, fresh: true, other: true} {
			if _, err := f.root.Stat(f.temp); (err == nil) != want {
				t.Errorf("%s: %v", f.temp, err)
			}
			f.Abort()
		}
	})
	t.Run("folder that cannot be created", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := (Results{Dir: file}).Create(chunk); !errors.Is(err, ErrRetry) {
			t.Error("no error")
		}
	})
}

// The contents of the results folder are as untrusted as a chunk.
func TestResultStaysInItsFolder(t *testing.T) {
	commit := func(dir, file string) error {
		f, err := Results{Dir: dir}.Create(Chunk{BatchID: "a_chunk_0", File: file})
		if err != nil {
			return err
		}
		defer f.Abort()
		return f.Commit()
	}
	t.Run("links to outside the folder are not followed", func(t *testing.T) {
		for _, link := range []string{"a.txt", "a.txt/" + tempFolder} {
			dir, outside := t.TempDir(), t.TempDir()
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
			if err := commit(dir, "a.txt"); !errors.Is(err, ErrRetry) {
				t.Errorf("%s: error %v", link, err)
			}
			if got := files(t, outside); len(got) != 0 {
				t.Errorf("%s: files %v", link, got)
			}
		}
	})
	t.Run("a link at the path of a result is replaced", func(t *testing.T) {
		dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(outside, []byte("untouched"), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = os.Mkdir(filepath.Join(dir, "a.txt"), 0o755)
		if err := os.Symlink(outside, filepath.Join(dir, "a.txt", "a_chunk_0.jsonl")); err != nil {
			t.Fatal(err)
		}
		if err := commit(dir, "a.txt"); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(outside); string(got) != "untouched" {
			t.Errorf("the link's target holds %q", got)
		}
	})
	t.Run("one folder for each file", func(t *testing.T) {
		dir := t.TempDir()
		for _, file := range []string{strings.Repeat("a/", 2000) + "a.txt", "../../a.txt", "/a.txt", ".tmp", "..", strings.Repeat("%", 255)} {
			if err := commit(dir, file); err != nil {
				t.Errorf("%.20s: %v", file, err)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 6 {
			t.Errorf("%d folders, %v", len(entries), err)
		}
		for _, f := range files(t, dir) {
			if strings.Count(f, "/") != 1 {
				t.Error(f)
			}
		}
	})
}

func TestResultsCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if err := (Results{Dir: dir}).Check(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (Results{Dir: file}).Check(); err == nil {
		t.Error("a file is a folder")
	}
}

func TestExamine(t *testing.T) {
	tests := []struct {
		item, scope string
		version     int
	}{
		{"8.8.8.8", "global", 4}, {" 8.8.8.8\t", "global", 4}, {"10.1.2.3", "private", 4}, {"172.31.0.1", "private", 4},
		{"172.32.0.1", "global", 4}, {"192.168.0.1", "private", 4}, {"127.0.0.1", "loopback", 4}, {"224.0.0.1", "multicast", 4},
		{"169.254.1.1", "link-local", 4}, {"192.0.2.1", "documentation", 4}, {"198.51.100.7", "documentation", 4},
		{"203.0.113.9", "documentation", 4}, {"0.0.0.0", "unspecified", 4}, {"0.1.2.3", "reserved", 4},
		{"255.255.255.255", "broadcast", 4}, {"255.255.255.254", "reserved", 4}, {"100.64.0.1", "shared", 4},
		{"100.128.0.1", "global", 4}, {"198.19.0.1", "benchmarking", 4}, {"192.0.0.1", "reserved", 4},
		{"2606:4700::1111", "global", 6}, {"fd00::1", "private", 6}, {"::1", "loopback", 6}, {"::", "unspecified", 6},
		{"ff02::1", "multicast", 6}, {"fe80::1%eth0", "link-local", 6}, {"2001:db8::1", "documentation", 6},
		{"3fff::1", "documentation", 6}, {"4000::1", "reserved", 6}, {"::ffff:10.0.0.1", "private", 6}, {"2606::1%z", "global", 6},
		{"", "", 0}, {"hello", "", 0}, {"1.2.3", "", 0}, {"1.2.3.4.5", "", 0}, {"256.1.1.1", "", 0}, {"1.2.3.4/24", "", 0},
		{"01.2.3.4", "", 0}, {"1.2.3.4:80", "", 0}, {"<b>&", "", 0},
	}
	for _, tt := range tests {
		a, ok := examine(tt.item)
		if ok != (tt.version > 0) || ok && a.Item != tt.item || a.Scope != tt.scope || a.Version != tt.version {
			t.Errorf("%q: %+v", tt.item, a)
		}
	}
}

func TestSampleHandler(t *testing.T) {
	chunk := Chunk{BatchID: "a_chunk_0", Name: "a_chunk_0", File: "a.txt", Items: []string{"10.0.0.1", "<x>", "8.8.8.8"}, report: &report{}}
	dir := t.TempDir()
	var seen []int
	if err := SampleHandler(dir)(context.Background(), chunk, func(n int) { seen = append(seen, n) }); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(dir, "a.txt", "a_chunk_0.jsonl"))
	want := `{"item":"10.0.0.1","version":4,"scope":"private"}
{"item":"8.8.8.8","version":4,"scope":"global"}
`
	if string(got) != want || fmt.Sprint(seen) != "[1 2 3]" {
		t.Errorf("result %s, progress %v", got, seen)
	}
	if f := chunk.report.failures(); len(f) != 1 || f[0].Index != 1 || f[0].Text != "not an IP address" {
		t.Errorf("failed %v", f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	dir = t.TempDir()
	err := SampleHandler(dir)(ctx, chunk, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || len(files(t, dir)) != 0 {
		t.Errorf("cancelled: %v, files %v", err, files(t, dir))
	}
}
