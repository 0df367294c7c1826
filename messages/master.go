package messages

import (
	"encoding/json"
	"fmt"
	"time"
)

// MasterHeartbeat is the message that every master sends once a second.
type MasterHeartbeat struct {
	MasterID string `json:"masterId"`
	Role     string `json:"role"` // "leader" or "standby"
	Term     uint64 `json:"term"`
	API      string `json:"api"` // host:port of its HTTP API
	TS       string `json:"ts"`  // RFC 3339, UTC
	// Deployment is the random id of the state in the master's store, empty until the
	// master has read it.
	Deployment string    `json:"deployment,omitempty"`
	Version    string    `json:"version,omitempty"`
	StartedAt  string    `json:"startedAt,omitempty"`  // RFC 3339, UTC
	LeaseUntil string    `json:"leaseUntil,omitempty"` // of the leader, RFC 3339, UTC
	BackEnds   []BackEnd `json:"backEnds,omitempty"`
}

// BackEnd is whether a master reaches one of the systems that it works with.
type BackEnd struct {
	Name  string    `json:"name"` // "kafka", "state", or of the leader "input"
	OK    bool      `json:"ok"`
	Since time.Time `json:"since,omitzero"` // since when it is not
	Error string    `json:"error,omitempty"`
}

// Encode returns the heartbeat as a Kafka value.
func (h MasterHeartbeat) Encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	return b
}

const (
	// MaxMasters is how many masters are listed.
	MaxMasters = 100
	// MaxBackEndError is how many characters of a back end's error are sent and shown.
	MaxBackEndError = 200

	maxBackEnds       = 8
	maxHeartbeatBytes = 16 << 10
	maxAddress        = 300 // bytes of host:port
)

// DecodeMaster returns what the heartbeat of a master says. Anybody who can write to the
// topic may have sent it. Its error wraps ErrBadSignal.
func DecodeMaster(value []byte) (MasterStatus, error) {
	if len(value) > maxHeartbeatBytes {
		return MasterStatus{}, fmt.Errorf("%w: a master's heartbeat of %d bytes, allowed %d", ErrBadSignal, len(value), maxHeartbeatBytes)
	}
	var h MasterHeartbeat
	if err := json.Unmarshal(value, &h); err != nil {
		return MasterStatus{}, fmt.Errorf("%w: a master's heartbeat: %v", ErrBadSignal, err)
	}
	if err := validateID(h.MasterID, MaxWorkerID); err != nil {
		return MasterStatus{}, fmt.Errorf("%w: a master's heartbeat: %v", ErrBadSignal, err)
	}
	s := MasterStatus{
		ID: h.MasterID, Role: "standby", Term: h.Term, API: CutText(h.API, maxAddress), Version: CutText(h.Version, MaxVersion),
		Seen: wireTime(h.TS), Started: wireTime(h.StartedAt), LeaseUntil: wireTime(h.LeaseUntil), BackEnds: h.BackEnds[:min(len(h.BackEnds), maxBackEnds)],
	}
	if h.Role == "leader" {
		s.Role = h.Role
	}
	for i := range s.BackEnds {
		b := &s.BackEnds[i]
		b.Name, b.Error = CutText(b.Name, MaxVersion), CutText(b.Error, MaxBackEndError)
	}
	return s, nil
}

// wireTime returns the zero time for a text that is none.
func wireTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// WireTime returns a time as heartbeats carry it, nothing for the zero time.
func WireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// MasterStatus describes a master for the API.
type MasterStatus struct {
	ID         string
	Role       string // that of an Overview, or "silent" without a heartbeat for some seconds
	Term       uint64 // newest one that it knows
	API        string // host:port
	Version    string
	Started    time.Time // zero when it is not known
	Seen       time.Time // of its last heartbeat, by its own clock
	LeaseUntil time.Time // zero unless it leads
	BackEnds   []BackEnd
}

type (
	// QueryMasters asks for all masters of the deployment that were heard lately. Any
	// master answers, also while nobody leads. The answer is a Masters, which may be some
	// seconds old.
	QueryMasters struct{}
	// StepDown has the leader give its lease up in order, and leave it to another master
	// for some seconds. The answer is SteppedDown.
	StepDown struct{ By string }
)

func (QueryMasters) query() {}
func (StepDown) query()     {}

// Masters is the answer to QueryMasters. It is shared: nobody may change it.
type Masters struct {
	List []MasterStatus // ordered by id
	// Missing is why heartbeats of other masters cannot be read, empty when they can.
	Missing string
}

// Leadership is who leads, and under which term. Nobody leads without a master.
type Leadership struct {
	Leader Leader
	Term   uint64
}

// SteppedDown is who led before, and who leads after it: nobody, if none was found in time.
type SteppedDown struct{ Old, New Leadership }
