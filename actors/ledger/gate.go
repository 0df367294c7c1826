package ledger

import (
	"time"

	"kafka-master/messages"
)

// gate decides when anything may be handed out at all: people pause all hand-outs, or bound
// their rate.
type gate struct {
	set    messages.Dispatch
	tokens float64   // items that may be handed out at once; below 0 when more were
	at     time.Time // time at which there are so many
}

// burst is how many items may be handed out at once after a rest: those of a second.
func (g *gate) burst() float64 { return max(1, g.set.MaxItemsPerS) }

// use changes the setting. Another rate begins without anything saved up, so that changing
// it back and forth gains nothing; what was handed out beyond the former one stays owed.
func (g *gate) use(set messages.Dispatch, now time.Time) {
	g.fill(now)
	if set.MaxItemsPerS != g.set.MaxItemsPerS {
		g.tokens = min(g.tokens, 0)
	}
	if set.MaxItemsPerS == 0 {
		g.tokens = 0
	}
	g.set = set
}

// fill adds what was saved up until now.
func (g *gate) fill(now time.Time) {
	if d := now.Sub(g.at); d > 0 {
		g.tokens = min(g.burst(), g.tokens+d.Seconds()*g.set.MaxItemsPerS)
		g.at = now
	}
}

// open reports whether a chunk may be handed out now. One item that is left lets a chunk of
// any size pass, which is owed then: otherwise a chunk larger than the rate would never be.
func (g *gate) open(now time.Time) bool {
	switch {
	case g.set.At(now).Paused:
		return false
	case g.set.MaxItemsPerS == 0:
		return true
	}
	g.fill(now)
	return g.tokens >= 1-rounding
}

// take records that items were handed out.
func (g *gate) take(items int64) {
	if g.set.MaxItemsPerS > 0 {
		g.tokens -= float64(items)
	}
}

// opensAt returns when the gate opens by itself, zero when it is open or only a person opens
// it.
func (g *gate) opensAt(now time.Time) time.Time {
	if g.open(now) {
		return time.Time{}
	}
	if set := g.set.At(now); set.Paused {
		return set.Until
	}
	wait := (1 - g.tokens) / g.set.MaxItemsPerS
	return now.Add(time.Duration(min(wait, float64(maxOwed/time.Second))*float64(time.Second)) + 1)
}

const (
	// maxOwed bounds the time for which one looks ahead.
	maxOwed = time.Hour
	// rounding is how much of an item the sums of fractions may be wrong.
	rounding = 1e-6
)
