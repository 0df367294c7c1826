package worker

import "kafka-master/infra/kafkabus"

// SASL is a login. The zero value is none.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, in any case. Default
	// "": no login.
	Mechanism string
	// Username and Password are needed with a mechanism.
	Username, Password string
}

// String never shows the password.
func (s SASL) String() string {
	if s.Mechanism == "" {
		return "none"
	}
	return s.Mechanism + " as " + s.Username
}

// GoString never shows the password.
func (s SASL) GoString() string { return s.String() }

func (s SASL) check() error {
	_, err := kafkabus.SASL(s.Mechanism, s.Username, s.Password)
	return err
}
