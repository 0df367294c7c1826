package messages

import "slices"

// DefaultLogLevel has each master log at its own LOG_LEVEL.
const DefaultLogLevel = "default"

// LogLevels are the levels that can be set for all masters.
func LogLevels() []string { return []string{DefaultLogLevel, "debug", "info", "warn", "error"} }

// IsLogLevel reports whether a level can be set for all masters.
func IsLogLevel(level string) bool { return slices.Contains(LogLevels(), level) }

type (
	// QueryLogLevel asks for the log level that people set for all masters. The answer is a
	// LogLevel.
	QueryLogLevel struct{}
	// SetLogLevel sets it, with DefaultLogLevel to what it was. The answer is the new
	// LogLevel, once it is committed, or ErrRange.
	SetLogLevel struct{ Level, By string }
)

func (QueryLogLevel) query() {}
func (SetLogLevel) query()   {}

// LogLevel is one of LogLevels.
type LogLevel string
