package main

import (
	"context"
	"time"
)

// quietCores is how much the rest of the machine may use beside a run that
// counts.
const quietCores = 0.35

// awaitQuiet waits until the machine has nearly nothing else to do for two
// seconds on end, or until patience is over.
func awaitQuiet(ctx context.Context, patience time.Duration) error {
	const look = 500 * time.Millisecond
	calm := 0
	for end := time.Now().Add(patience); calm < 4 && time.Now().Before(end); {
		from, err := cpuOfAll()
		if err != nil {
			return err
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		to, err := cpuOfAll()
		if err != nil {
			return err
		}
		if calm++; (to - from).Seconds() > quietCores*look.Seconds() {
			calm = 0
		}
	}
	return nil
}
