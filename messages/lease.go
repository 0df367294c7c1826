package messages

import (
	"errors"
	"fmt"
	"time"
)

// ErrEmpty says that a store holds no state at all: it is new, or its data is
// lost. Errors that wrap it wrap ErrFenced too: no term is current.
var ErrEmpty = fmt.Errorf("the store is empty: %w", ErrFenced)

// ErrFilled says that a state cannot be put back since the store has one.
var ErrFilled = errors.New("the store is not empty")

// ErrRestoring says that another process is putting a state back.
var ErrRestoring = errors.New("another master is putting the state back")

// Leader says who leads.
type Leader struct {
	MasterID string
	API      string // host:port at which its API is reached; empty when nobody leads
}

// Claim is what a master says when it wants to lead.
type Claim struct {
	Holder string // a random id of one leadership
	Leader Leader // who that would be
	Init   bool   // begin a state in a store that is empty
}

// LeaseState is what a claim led to.
type LeaseState struct {
	Taken     bool          // the claimant leads, under Term
	Empty     bool          // refused: the store holds no state, and Init was not asked for
	Restoring bool          // Empty, and a state is being put back: none may be begun
	Term      Term          // the current one
	Leader    Leader        // who leads
	Left      time.Duration // until the lease of another one ends
}

// NotLeader is the error of a question that only the leader can answer. It wraps
// ErrUnavailable.
type NotLeader struct{ Leader Leader }

// Error implements error.
func (e *NotLeader) Error() string {
	if e.Leader.MasterID == "" {
		return "no master leads"
	}
	return fmt.Sprintf("master %q leads, its API is at %s", e.Leader.MasterID, e.Leader.API)
}

// Unwrap returns ErrUnavailable.
func (e *NotLeader) Unwrap() error { return ErrUnavailable }
