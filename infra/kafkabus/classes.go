package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"kafka-master/messages"
)

// mixedLeaders is the text of kafka-go's untyped error for a request with partitions of
// several leaders. Nothing is sent then.
const mixedLeaders = "mismatching leaders"

// unknownCode is kafka-go's code for any failure of a part of a split request.
const unknownCode = kafka.Error(-1)

// classify wraps err in its class, unless it has one already. Nil stays nil.
func classify(err error) error {
	if err == nil || hasClass(err) {
		return err
	}
	class := classOf(err)
	if errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) {
		return fmt.Errorf("%w: %w: %w", class, messages.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", class, err)
}

// classOf returns the class of err: whether the request surely had no effect, may have had
// one, or was refused permanently.
func classOf(err error) error {
	if code, ok := errors.AsType[kafka.Error](err); ok {
		return classOfCode(code)
	}
	var dial *net.OpError
	switch {
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition),
		errors.Is(err, protocol.ErrNoLeader), errors.Is(err, syscall.ECONNREFUSED),
		strings.Contains(err.Error(), mixedLeaders):
		return messages.ErrNotWritten
	case errors.As(err, &dial) && dial.Op == "dial":
		// Without a connection nothing was sent. The cause may be an unknown host, because
		// a stopped container has no name.
		return messages.ErrNotWritten
	}
	var timeout net.Error
	var proto protocol.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.As(err, &timeout) && timeout.Timeout(),
		errors.Is(err, context.DeadlineExceeded):
		return messages.ErrMaybeWritten
	case errors.Is(err, context.Canceled), errors.As(err, &proto):
		// The request may have been sent before it was given up or its answer was malformed.
		return messages.ErrMaybeWritten
	}
	return messages.ErrRefused
}

func classOfCode(code kafka.Error) error {
	switch code {
	case kafka.OffsetOutOfRange:
		return messages.ErrOffsetOutOfRange
	case kafka.RequestTimedOut, kafka.NotEnoughReplicasAfterAppend, kafka.NetworkException, unknownCode:
		return messages.ErrMaybeWritten
	case kafka.BrokerNotAvailable:
		// kafka-go returns it when it does not know the address of the broker.
		return messages.ErrNotWritten
	}
	if code.Temporary() {
		return messages.ErrNotWritten
	}
	return messages.ErrRefused
}

func hasClass(err error) bool {
	return errors.Is(err, messages.ErrNotWritten) || errors.Is(err, messages.ErrMaybeWritten) ||
		errors.Is(err, messages.ErrRefused) || errors.Is(err, messages.ErrOffsetOutOfRange)
}

// repeatable reports whether a call may be repeated that has no effect, or may have it
// twice.
func repeatable(err error) bool {
	return errors.Is(err, messages.ErrNotWritten) || errors.Is(err, messages.ErrMaybeWritten)
}
