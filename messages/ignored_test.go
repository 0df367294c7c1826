package messages

import (
	"slices"
	"testing"
)

func TestIgnored(t *testing.T) {
	var i Ignored
	for _, name := range []string{"", ".gitkeep", "~$a.txt", "a.txt.part", "A.TMP", "a.txt~", "b.crdownload"} {
		i.Add(name, false)
	}
	i.Add("processed", true)
	i.Add(".git", true)
	if i.Count != 0 {
		t.Errorf("%d are counted that are left out for good reason: %q", i.Count, i.Names)
	}
	i.Add("x.csv", false)
	i.Add("processed", false)
	i.Add("sub.tmp", true)
	i.Add("y.txt.gz", false)
	if want := []string{"x.csv", "processed", "sub.tmp/"}; i.Count != 4 || !slices.Equal(i.Names, want) {
		t.Errorf("got %d, %q, want 4, %q", i.Count, i.Names, want)
	}
}
