package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kafka-master/messages"
)

// Default topic names.
const (
	DefaultChunkTopic      = "master-signal"
	DefaultSignalTopic     = "worker-signal"
	DefaultConnectionTopic = "worker-connection"
)

const (
	maxTopicName = 249 // bytes, limit of Kafka
	queueAhead   = 64  // chunks queued in addition to the capacity: the largest PREFETCH of a master
	defDrain     = 5 * time.Second
	defHeartbeat = 3 * time.Second
	defProgress  = 200 * time.Millisecond
	minHeartbeat = 100 * time.Millisecond
	maxHeartbeat = 5 * time.Second // the master suspects a worker after 6 s of silence
	maxProgress  = time.Minute
	maxDrain     = 24 * time.Hour
	// MinTimeout and MaxTimeout bound Config.Timeout.
	MinTimeout = time.Second
	MaxTimeout = 30 * 24 * time.Hour
)

func (c Config) withDefaults() Config {
	setDefault(&c.Capacity, 1)
	setDefault(&c.ChunkTopic, DefaultChunkTopic)
	setDefault(&c.SignalTopic, DefaultSignalTopic)
	setDefault(&c.ConnectionTopic, DefaultConnectionTopic)
	setDefault(&c.DrainTimeout, defDrain)
	setDefault(&c.HeartbeatInterval, defHeartbeat)
	setDefault(&c.ProgressInterval, defProgress)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Validate returns all mistakes in the configuration as one error, or nil. A field with
// its zero value is valid if it has a default.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("worker config: "+format, args...))
		}
	}
	if err := messages.WorkerID(c.ID).Validate(); err != nil {
		wrong(true, "ID: %w", err)
	}
	wrong(len(c.Brokers) == 0, "Brokers: missing")
	for i, b := range c.Brokers {
		wrong(strings.TrimSpace(b) == "", "Brokers[%d]: empty", i)
	}
	if p := c.Partition; p != nil {
		wrong(*p < 0 || *p >= messages.MaxPartitions, "Partition: %d, allowed 0 to %d", *p, messages.MaxPartitions-1)
	}
	wrong(c.Capacity < 1 || c.Capacity > messages.MaxCapacity, "Capacity: %d, allowed 1 to %d", c.Capacity, messages.MaxCapacity)
	names := []struct{ field, name string }{
		{"ChunkTopic", c.ChunkTopic}, {"SignalTopic", c.SignalTopic}, {"ConnectionTopic", c.ConnectionTopic}}
	for _, n := range names {
		wrong(!topicName(n.name), "%s: %.64q is not a valid topic name", n.field, n.name)
	}
	wrong(c.ChunkTopic == c.SignalTopic || c.ChunkTopic == c.ConnectionTopic || c.SignalTopic == c.ConnectionTopic,
		"ChunkTopic, SignalTopic and ConnectionTopic: must differ")
	if err := c.SASL.check(); err != nil {
		wrong(true, "SASL: %w", err)
	}
	wrong(len(c.Version) > messages.MaxVersion, "Version: %d bytes, at most %d", len(c.Version), messages.MaxVersion)
	between := func(field string, d, low, high time.Duration) {
		wrong(d < low || d > high, "%s: %s, allowed %s to %s", field, d, low, high)
	}
	between("DrainTimeout", c.DrainTimeout, 1, maxDrain)
	if c.Timeout != 0 {
		between("Timeout", c.Timeout, MinTimeout, MaxTimeout)
	}
	between("HeartbeatInterval", c.HeartbeatInterval, minHeartbeat, maxHeartbeat)
	between("ProgressInterval", c.ProgressInterval, time.Millisecond, maxProgress)
	return errors.Join(errs...)
}

func topicName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > maxTopicName {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}) < 0
}
