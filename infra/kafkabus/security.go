package kafkabus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// TLSConfig returns the client's configuration. caFile holds the PEM
// certificates to trust, empty means those of the system. certFile and keyFile
// are the client's own certificate, both or neither.
func TLSConfig(caFile, certFile, keyFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA file: %s holds no PEM certificate", caFile)
		}
	}
	if (certFile == "") != (keyFile == "") {
		return nil, errors.New("read client certificate: certificate and key file are needed together")
	}
	if certFile != "" {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// SASL returns the mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, in any case.
// An empty one returns nil, which means no authentication.
func SASL(mechanism, user, password string) (sasl.Mechanism, error) {
	if mechanism == "" {
		return nil, nil
	}
	if user == "" {
		return nil, fmt.Errorf("SASL %s: no user name", mechanism)
	}
	var m sasl.Mechanism
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		m = plain.Mechanism{Username: user, Password: password}
	case "SCRAM-SHA-256":
		m, err = scram.Mechanism(scram.SHA256, user, password)
	case "SCRAM-SHA-512":
		m, err = scram.Mechanism(scram.SHA512, user, password)
	default:
		return nil, fmt.Errorf("SASL: mechanism %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", mechanism)
	}
	if err != nil {
		// Not wrapped: the library may quote what it could not prepare.
		return nil, fmt.Errorf("SASL %s: user name or password has characters that are not allowed", mechanism)
	}
	return m, nil
}
