package console

import (
	"fmt"
	"math"
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

// PerSecond formats a number of items per second.
func PerSecond(items float64) string {
	if items > 0 && items < 0.095 {
		return fmt.Sprintf("%.2g items/s", items)
	}
	if items < 9.95 {
		return fmt.Sprintf("%.1f items/s", items)
	}
	return humanize.Comma(int64(math.Round(items))) + " items/s"
}

// Until formats a time to come as the pause until then and the local clock, such as
// "12 min, 14:32". A time that has come is "now".
func Until(at, now time.Time) string {
	pause := at.Sub(now)
	if pause < time.Second {
		return "now"
	}
	return Span(pause) + ", " + Clock(at.Local(), now.Local())
}

// Span formats a duration with at most two units.
func Span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour).Hours()/24))
}

// Clock formats the time of day, with the day when it is not today.
func Clock(at, now time.Time) string {
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		return at.Format("15:04")
	case at.Sub(now) < 6*24*time.Hour:
		return at.Format("Mon 15:04")
	}
	return at.Format("2 Jan 2006")
}

// rate formats items per second. It returns "" when no time has passed.
func rate(items int64, d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return humanize.Comma(int64(float64(items)/d.Seconds())) + " items/s"
}
