//go:build linux

package smbfiles_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"kafka-master/infra/infratest"
)

func TestFiles(t *testing.T) {
	s := startSamba(t)
	for _, share := range []string{"encrypted", "input"} {
		t.Run(share, func(t *testing.T) {
			if share == "input" {
				slow(t)
			}
			var n atomic.Int32
			infratest.ExerciseFiles(t, func(t *testing.T) (infratest.Files, infratest.Folder) {
				cfg := s.config(t, fmt.Sprintf("%s/%d", share, n.Add(1)))
				cfg.Share = share
				return newFiles(t, cfg), s.folder(cfg.Folder)
			})
		})
	}
}
