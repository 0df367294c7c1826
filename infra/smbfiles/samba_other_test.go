//go:build !linux

package smbfiles_test

import (
	"os"
	"testing"
)

// TestSamba is skipped in place of the tests that need a real server.
func TestSamba(t *testing.T) {
	const why = "no real Samba: these tests start and stop smbd on Linux, run them in a container"
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
