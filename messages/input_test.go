package messages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIsInputName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a.txt": true, "A.TXT": true, "a.b.Txt": true, "x.txt.txt": true,
		"": false, "txt": false, ".txt": false, ".a.txt": false, "~a.txt": false, "a.txt.part": false, "a.tmp": false, "a": false,
	} {
		require.Equal(t, want, IsInputName(name), name)
	}
}

func TestArchiveName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "processed/a.txt", ArchiveName("a.txt", 1))
	require.Equal(t, "sub/processed/a.b-12.txt", ArchiveName("sub/a.b.txt", 12))
}

func TestCheckOfAVersion(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := FileInfo{Path: "a.txt", Size: 3, ModTime: now}
	require.NoError(t, f.Check(3, now.UTC()))
	require.ErrorIs(t, f.Check(4, now), ErrFileChanged)
	require.ErrorIs(t, f.Check(3, now.Add(1)), ErrFileChanged)
}
