package actors

import (
	"strconv"
	"strings"
)

// plannerNames are the names of the planners. A name is used again once its planner has
// ended, because the registry of the actor system never returns the memory of a name.
type plannerNames struct {
	free []int // numbers that were used before
	used int   // how many numbers there are
}

const plannerName = "batch-planner-"

// take returns the name for a new planner.
func (p *plannerNames) take() string {
	n := p.used
	if last := len(p.free) - 1; last >= 0 {
		n, p.free = p.free[last], p.free[:last]
	} else {
		p.used++
	}
	return plannerName + strconv.Itoa(n)
}

// put takes back the name of an actor that has ended; id ends with it.
func (p *plannerNames) put(id string) {
	if _, number, is := strings.Cut(id, plannerName); is {
		if n, err := strconv.Atoi(number); err == nil {
			p.free = append(p.free, n)
		}
	}
}
