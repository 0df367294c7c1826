package kafkabus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
)

// Ping makes a round trip to the cluster. Its error names the real cause, which other calls
// hide behind "topic not found", and the remedy.
func (b *Bus) Ping(ctx context.Context) error {
	err := b.alive(ctx)
	if err == nil {
		_, err = b.topology(ctx)
	}
	if err != nil {
		return fmt.Errorf("ping %s: %w", strings.Join(b.cfg.Brokers, ","), b.explained(err))
	}
	return nil
}

// explained prefixes err with its cause and remedy, when they are known.
func (b *Bus) explained(err error) error {
	sentence := explain(err, b.cfg.TLS != nil, b.cfg.SASL != nil, b.seen.Load())
	var dial *dialError
	if errors.As(err, &dial) && !slices.Contains(b.cfg.Brokers, dial.address) && !b.conns.reached(dial.address) {
		sentence = fmt.Sprintf("Kafka sends its clients on to %s, which cannot be reached from here: correct advertised.listeners of the broker", dial.address)
	}
	if sentence == "" || strings.HasPrefix(err.Error(), sentence) {
		return err
	}
	return fmt.Errorf("%s: %w", sentence, err)
}

// explain returns the cause and the remedy of a failed connection in one sentence. It is
// empty when err does not show them. withTLS and withSASL are what the client tried. seen
// means that it worked before.
func explain(err error, withTLS, withSASL, seen bool) string {
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return "the broker refuses user or password, correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.GroupAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed):
		return "the user of KAFKA_SASL_USERNAME lacks a right, see Rights in docs/install.md"
	case errors.Is(err, kafka.IllegalSASLState):
		return "the broker's port has no SASL, unset KAFKA_SASL_MECHANISM or use its SASL port"
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return "the broker does not offer this mechanism, correct KAFKA_SASL_MECHANISM"
	case errors.As(err, &name):
		return "the broker's certificate is for another name, correct KAFKA_BROKER_ADDRESS or the certificate"
	case errors.As(err, &unknown), errors.As(err, &verify):
		return "the broker's certificate is not trusted, set KAFKA_TLS_CA_FILE to the CA that signed it"
	case errors.As(err, &plain):
		return "the broker's port does not speak TLS, unset KAFKA_TLS or use its TLS port"
	case errors.As(err, &dns):
		return "the broker's host name is not known, correct KAFKA_BROKER_ADDRESS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no broker listens there, start it or correct KAFKA_BROKER_ADDRESS and KAFKA_BROKER_PORT"
	}
	return explainClosed(err, withTLS, withSASL, seen)
}

// explainClosed explains a connection that the broker closed or left unanswered, which is
// also its reaction to a handshake that it does not understand.
func explainClosed(err error, withTLS, withSASL, seen bool) string {
	var timeout net.Error
	switch {
	case strings.Contains(err.Error(), "expecting TLS"):
		return "the broker's port speaks TLS, set KAFKA_TLS=true"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		switch {
		case seen:
			return "the broker closed the connection, it ended or is just starting"
		case withTLS:
			return "the broker closed the connection, its port may not speak TLS: unset KAFKA_TLS or use its TLS port"
		case withSASL:
			return "the broker closed the connection, its port may speak TLS or not know this login: check KAFKA_TLS and KAFKA_SASL_MECHANISM"
		}
		return "the broker closed the connection, its port may want a login or TLS: set KAFKA_SASL_MECHANISM or KAFKA_TLS"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the broker does not answer, look at its log and at the network"
	}
	return ""
}
