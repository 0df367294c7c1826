package messages

import (
	"errors"
	"fmt"
	"time"
)

// ErrEmpty is the error of a store without a state: it is new, or it lost its data.
// An error that wraps it wraps ErrFenced too, since no term is current.
var ErrEmpty = fmt.Errorf("the store is empty: %w", ErrFenced)

// ErrFilled is the error of restoring a state into a store that has one.
var ErrFilled = errors.New("the store is not empty")

// ErrRestoring is the error of a store into which another process restores a state.
var ErrRestoring = errors.New("another master is restoring the state")

// Leader identifies the master that leads. It is zero when none does.
type Leader struct {
	MasterID string
	API      string // host:port of its HTTP API
}

// Claim is a master's request for the lease.
type Claim struct {
	Holder string // random id of the leadership that it asks for
	Leader Leader // the master itself
	Init   bool   // whether to create a state if the store is empty
	Look   bool   // only see who leads, and leave a free lease to others
}

// LeaseState is the answer to a Claim.
type LeaseState struct {
	Taken     bool          // the claimant leads, under Term
	Empty     bool          // refused: the store has no state, and Init was not set
	Free      bool          // nobody has the lease, and Look was set
	Restoring bool          // Empty, and another process restores a state: none may be created
	Term      Term          // current term
	Leader    Leader        // current leader
	Remaining time.Duration // time until the lease of another master ends
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
