package messages

import (
	"encoding/json"
	"time"
)

// AuditEntry is one change that a person made through the API.
type AuditEntry struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`     // name of the token that was used, without one the client's address
	Action string    `json:"action"` // one of the actions below
	Target string    `json:"target"` // what was changed, empty for the deployment as a whole
	Old    string    `json:"old"`
	New    string    `json:"new"`
}

// The actions of an AuditEntry.
const (
	ActionBatchSize   = "batch_size"
	ActionPartitions  = "partitions"
	ActionRetry       = "retry"       // of dead chunks, or of failed items
	ActionDiscard     = "discard"     // of dead chunks, or of failed items
	ActionDrain       = "drain"       // of a worker
	ActionResume      = "resume"      // of a worker
	ActionForget      = "forget"      // of a worker that is lost or gone
	ActionAcknowledge = "acknowledge" // that a file changed while it was in work
	ActionRecall      = "recall"      // of chunks that a worker has
	ActionCancel      = "cancel"      // of a file
	ActionDispatch    = "dispatch"    // pause, resume or rate of all hand-outs
	ActionFile        = "file"        // pause, resume, priority or share of a file
	ActionLogLevel    = "log_level"   // of all masters
	ActionStepDown    = "step_down"
)

const (
	// MaxAudit is how many changes are remembered. The oldest ones are dropped.
	MaxAudit = 200
	// maxAuditText bounds each text of an entry, in bytes.
	maxAuditText = 300
)

// QueryAudit asks for the changes that people made. The answer is an Audit; all changes in
// it are committed.
type QueryAudit struct{}

func (QueryAudit) query() {}

// Audit is the stored list of the last changes, oldest first. It is immutable.
type Audit []AuditEntry

// With returns the list with one more entry, and without those that are too many.
func (a Audit) With(e AuditEntry) Audit {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	for _, text := range []*string{&e.By, &e.Target, &e.Old, &e.New} {
		*text = CleanLine(*text, maxAuditText)
	}
	kept := a[max(0, len(a)+1-MaxAudit):]
	return append(append(make(Audit, 0, len(kept)+1), kept...), e)
}

// EncodeRecord returns the value ValueAudit.
func (a Audit) EncodeRecord() string { return string(marshalRecord(a)) }

// DecodeAudit is the inverse of Audit.EncodeRecord. A text that cannot be read is an empty
// list: what people changed earlier is no reason to stop working.
func DecodeAudit(record string) Audit {
	var a Audit
	if json.Unmarshal([]byte(record), &a) != nil {
		return nil
	}
	return a
}
