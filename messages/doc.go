// Package messages defines the values that cross a mailbox, a Kafka topic or the
// state store. They are immutable: whoever creates a value fills it, and nobody
// writes to it once it was passed on. The package does no I/O, reads no clock and
// knows no actor.
package messages
