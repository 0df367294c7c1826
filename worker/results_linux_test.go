package worker

import (
	"os"
	"syscall"
	"testing"
)

// A failed check leaves nothing behind, whichever step fails, since checks are repeated
// while the fault lasts. In this test the process may open only a few files.
func TestCheckLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	var allowed syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &allowed); err != nil {
		t.Fatal(err)
	}
	check := func(most uint64) error {
		few := syscall.Rlimit{Cur: most, Max: allowed.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &allowed); err != nil {
				t.Fatal(err)
			}
		}()
		return Results{Dir: dir}.Check()
	}
	failed := 0
	for most := uint64(1); most < 100; most++ {
		err := check(most)
		if left := files(t, dir); len(left) > 0 {
			t.Fatalf("with %d files it fails with %v and leaves %v", most, err, left)
		}
		entries, rerr := os.ReadDir(dir)
		if rerr != nil || len(entries) > 0 {
			t.Fatalf("with %d files it fails with %v and leaves %v, %v", most, err, entries, rerr)
		}
		if err == nil {
			break
		}
		failed++
	}
	if failed == 0 || failed == 99 {
		t.Fatalf("%d of 99 checks failed", failed)
	}
}
