package worker

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"kafka-master/infra/results"
)

// The folders of /proc cannot be synced, like those of some network file systems.
func TestFoldersThatCannotBeSynced(t *testing.T) {
	d, err := os.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("sync returned %v: choose another folder for this test", err)
	}
	if err := results.SyncAndClose(d); err != nil {
		t.Error(err)
	}
	if err := syncFolder("/proc"); err != nil {
		t.Error(err)
	}
	if err := results.SyncAndClose(d); !errors.Is(err, os.ErrClosed) {
		t.Errorf("another error is hidden: %v", err)
	}
}
