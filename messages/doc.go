// Package messages holds every value that crosses a mailbox, a Kafka topic or
// the state store. The types are immutable values: they are filled once, by
// their maker, and never written after they were handed on. Nothing in here
// does I/O, reads a clock or knows an actor.
package messages
