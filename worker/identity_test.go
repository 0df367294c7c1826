package worker

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestLoadID(t *testing.T) {
	t.Run("created once", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "deep", "worker-id")
		first, err := loadID(path)
		if err != nil || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(first) {
			t.Fatalf("id %q, %v", first, err)
		}
		if again, err := loadID(path); again != first || err != nil {
			t.Errorf("second start: %q, %v", again, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("files left: %v", left)
		}
	})
	t.Run("race", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "worker-id")
		ids := make([]string, 16)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				var err error
				if ids[i], err = loadID(path); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("ids %v", ids)
			}
		}
	})
	t.Run("content", func(t *testing.T) {
		tests := map[string]string{
			"scanner-7": "scanner-7", "  scanner 7\r\n": "scanner 7",
			"": "", "\n": "", "a\nb": "", "a\x00": "", "\xff": "", strings.Repeat("x", 129): "", strings.Repeat("x", 1<<20): "",
			"\u202eabc": "",
		}
		for content, want := range tests {
			path := filepath.Join(t.TempDir(), "id")
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			id, err := loadID(path)
			if id != want || (err == nil) != (want != "") {
				t.Errorf("%.20q: %q, %v", content, id, err)
			}
			if err != nil && (!strings.Contains(err.Error(), path) || len(err.Error()) > 500) {
				t.Errorf("unclear: %v", err)
			}
			if kept, _ := os.ReadFile(path); string(kept) != content {
				t.Errorf("%.20q was changed", content)
			}
		}
		if _, err := loadID(t.TempDir()); err == nil {
			t.Error("a folder is an id")
		}
	})
	t.Run("without hard links", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "id")
		if err := writeIDWithoutLink(path, "abc"); err != nil {
			t.Fatal(err)
		}
		if id, err := loadID(path); id != "abc" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if err := writeIDWithoutLink(path, "def"); !os.IsExist(err) {
			t.Errorf("second: %v", err)
		}
	})
}

func TestClaimID(t *testing.T) {
	claim := func(path string) *Identity {
		t.Helper()
		id, err := ClaimID(path)
		if err != nil {
			t.Fatal(err)
		}
		if id.Unlocked != nil {
			t.Fatalf("no lock: %v", id.Unlocked)
		}
		t.Cleanup(id.Release)
		return id
	}
	path := filepath.Join(t.TempDir(), "data", "worker_id")
	first, second, third := claim(path), claim(path), claim(path)
	if first.Path != path || second.Path != path+".2" || third.Path != path+".3" || first.ID == second.ID || second.ID == third.ID {
		t.Fatalf("claimed %+v, %+v, %+v", first, second, third)
	}
	if len(first.Taken) != 0 || !slices.Equal(third.Taken, []string{path, path + ".2"}) {
		t.Errorf("taken %v, %v", first.Taken, third.Taken)
	}
	second.Release()
	if again := claim(path); again.ID != second.ID || again.Path != path+".2" {
		t.Errorf("the id that became free is not used: %+v", again)
	}
	// Two processes start for the first time at the same moment.
	path = filepath.Join(t.TempDir(), "worker_id")
	ids := make([]*Identity, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i], _ = ClaimID(path) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, id := range ids {
		if id == nil || seen[id.ID] {
			t.Fatalf("an id is used twice: %v", ids)
		}
		seen[id.ID] = true
		id.Release()
	}
	if err := os.WriteFile(path, []byte("two\nids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err := ClaimID(path); err == nil {
		t.Errorf("claimed %+v", id)
	}
}

func TestClaimIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker_id")
	first, err := ClaimID(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	for range 2 { // released ids are claimed again
		ids, err := ClaimIDs(path, 20)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{first.ID: true}
		for _, id := range ids {
			seen[id.ID] = true
			id.Release()
		}
		if len(seen) != 21 || ids[19].Path != path+".21" {
			t.Errorf("%d ids differ, the last one from %s", len(seen), ids[19].Path)
		}
	}
	// One file that cannot be read leaves no id claimed.
	if err := os.WriteFile(path+".3", []byte("two\nids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if ids, err := ClaimIDs(path, 20); err == nil {
		t.Fatalf("claimed %d ids", len(ids))
	}
	second, err := ClaimID(path)
	if err != nil || second.Path != path+".2" {
		t.Fatalf("claimed %+v, %v", second, err)
	}
	second.Release()
}
