package kafkabus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestClassify(t *testing.T) {
	classes := []error{
		messages.ErrNotWritten, messages.ErrMaybeWritten, messages.ErrRefused, messages.ErrOffsetOutOfRange,
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, c := range []struct {
		err, class error
	}{
		{kafka.UnknownTopicOrPartition, messages.ErrNotWritten},
		{kafka.LeaderNotAvailable, messages.ErrNotWritten},
		{fmt.Errorf("wrapped: %w", kafka.NotLeaderForPartition), messages.ErrNotWritten},
		{kafka.GroupLoadInProgress, messages.ErrNotWritten},
		{kafka.GroupCoordinatorNotAvailable, messages.ErrNotWritten},
		{kafka.NotCoordinatorForGroup, messages.ErrNotWritten},
		{kafka.NotEnoughReplicas, messages.ErrNotWritten},
		{kafka.NotController, messages.ErrNotWritten},
		{kafka.KafkaStorageError, messages.ErrNotWritten},
		{kafka.BrokerNotAvailable, messages.ErrNotWritten},
		{produce.NewError(protocol.NewErrNoTopic("t")), messages.ErrNotWritten},
		{fetch.NewError(protocol.NewErrNoPartition("t", 1)), messages.ErrNotWritten},
		{produce.NewError(protocol.NewErrNoLeader("t", 1)), messages.ErrNotWritten},
		{produce.NewError(errors.New("mismatching leaders (1!=2)")), messages.ErrNotWritten},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), messages.ErrNotWritten},
		{dial(&net.DNSError{Err: "no such host", Name: "kafka", IsNotFound: true}), messages.ErrNotWritten},
		{dial(os.ErrDeadlineExceeded), messages.ErrNotWritten},

		{kafka.RequestTimedOut, messages.ErrMaybeWritten},
		{kafka.NotEnoughReplicasAfterAppend, messages.ErrMaybeWritten},
		{kafka.NetworkException, messages.ErrMaybeWritten},
		{kafka.Unknown, messages.ErrMaybeWritten},
		{io.EOF, messages.ErrMaybeWritten},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), messages.ErrMaybeWritten},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, messages.ErrMaybeWritten},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, messages.ErrMaybeWritten},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, messages.ErrMaybeWritten},
		{net.ErrClosed, messages.ErrMaybeWritten},
		{context.DeadlineExceeded, messages.ErrMaybeWritten},
		{context.Canceled, messages.ErrMaybeWritten},
		{protocol.Error("correlation id mismatch (expected=1, found=2)"), messages.ErrMaybeWritten},

		{kafka.MessageSizeTooLarge, messages.ErrRefused},
		{kafka.RecordListTooLarge, messages.ErrRefused},
		{kafka.TopicAuthorizationFailed, messages.ErrRefused},
		{kafka.GroupAuthorizationFailed, messages.ErrRefused},
		{kafka.SASLAuthenticationFailed, messages.ErrRefused},
		{kafka.InvalidPartitionNumber, messages.ErrRefused},
		{kafka.NonEmptyGroup, messages.ErrRefused},
		{kafka.UnknownMemberId, messages.ErrRefused},
		{x509.UnknownAuthorityError{}, messages.ErrRefused},
		{errors.New("anything else"), messages.ErrRefused},

		{kafka.OffsetOutOfRange, messages.ErrOffsetOutOfRange},
	} {
		err := classify(c.err)
		require.ErrorIs(t, err, c.err, "%v", c.err)
		for _, class := range classes {
			require.Equal(t, class == c.class, errors.Is(err, class), "%v: %v", c.err, class)
		}
		require.Equal(t, err, classify(err), "a class is given once")
	}
	require.NoError(t, classify(nil))
	require.ErrorIs(t, classify(kafka.MessageSizeTooLarge), messages.ErrTooLarge)
	require.NotErrorIs(t, classify(kafka.TopicAuthorizationFailed), messages.ErrTooLarge)
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err       error
		tls, sasl bool
		want      string
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false, false, "no broker listens"},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "kafka"}}, false, false, "host name is not known"},
		{fmt.Errorf("%w: broker appears to be expecting TLS", io.ErrUnexpectedEOF), false, true, "KAFKA_TLS=true"},
		{io.EOF, true, false, "may not speak TLS"},
		{io.EOF, false, true, "may speak TLS or not know"},
		{io.ErrUnexpectedEOF, false, false, "KAFKA_SASL_MECHANISM"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true, false, "does not speak TLS"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true, false, "KAFKA_TLS_CA_FILE"},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{
			Certificate: &x509.Certificate{}, Host: "h",
		}}, true, false, "another name"},
		{kafka.SASLAuthenticationFailed, false, true, "KAFKA_SASL_PASSWORD"},
		{kafka.IllegalSASLState, false, true, "has no SASL"},
		{kafka.UnsupportedSASLMechanism, false, true, "does not offer"},
		{context.DeadlineExceeded, false, false, "does not answer"},
		{kafka.TopicAuthorizationFailed, false, false, "see Rights in docs/install.md"},
		{kafka.InvalidTopic, false, false, ""},
	} {
		got := explain(classify(c.err), c.tls, c.sasl, false)
		require.Contains(t, got, c.want, "%v", c.err)
		require.Equal(t, c.want == "", got == "", "%v: %s", c.err, got)
	}
}

// A broker that sends its clients on to an address which cannot be reached is to
// blame, not the bootstrap address.
func TestUnreachableAdvertisedAddressIsNamed(t *testing.T) {
	b, err := New(Config{Brokers: []string{"kafka:9092"}})
	require.NoError(t, err)
	defer b.Close()
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	err = b.explained(classify(&dialError{"internal:9092", refused}))
	require.ErrorContains(t, err, "Kafka sends its clients on to internal:9092")
	require.ErrorIs(t, err, messages.ErrNotWritten)
	require.Equal(t, err, b.explained(err), "said once")
	require.ErrorContains(t, b.explained(classify(&dialError{"kafka:9092", refused})), "start it or correct KAFKA_BROKER_ADDRESS")
}
