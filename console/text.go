package console

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
)

// maxName and maxSentence are the maximum lengths of untrusted text, in characters.
const (
	maxName     = 120
	maxSentence = 300
)

// Count formats a number with a noun: "1 file", "2 files".
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

// size formats a number of bytes in decimal units.
func size(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// seconds formats a duration in seconds, since durations in one unit are easy to
// compare.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", max(0, d).Seconds()) }

// rate formats items per second. It returns "" when no time has passed.
func rate(items int64, d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return humanize.Comma(int64(float64(items)/d.Seconds())) + " items/s"
}
