package console

import (
	"fmt"
	"strconv"
	"time"

	"kafka-master/messages"
)

// maxName and maxSentence are the maximum lengths of untrusted text, in characters.
const (
	maxName     = 120
	maxSentence = 300
)

func clean(text string, most int) string { return messages.Clean(text, most) }

// grouped formats 1000000 as 1,000,000.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// many formats a number with a noun: "1 file", "2 files".
func many(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// size formats a number of bytes in decimal units.
func size(n int64) string {
	if n < 1000 {
		return many(n, "byte")
	}
	f, unit := float64(n)/1000, "kB"
	for _, next := range []string{"MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, next
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// seconds formats a duration in seconds, since durations in one unit are easy to
// compare.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", max(0, d).Seconds()) }

// rate formats items per second. It returns "" when no time has passed.
func rate(items int64, d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return grouped(int64(float64(items)/d.Seconds())) + " items/s"
}
