package worker

import "kafka-master/infra/kafkabus"

// SASL is a login at the brokers. The zero value means no login.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, in upper or lower case.
	// Default "": no login.
	Mechanism string
	// Username and Password are required with a mechanism.
	Username, Password string
}

// String implements fmt.Stringer. It never shows the password.
func (s SASL) String() string {
	if s.Mechanism == "" {
		return "none"
	}
	return s.Mechanism + " as " + s.Username
}

// GoString implements fmt.GoStringer. It never shows the password.
func (s SASL) GoString() string { return s.String() }

func (s SASL) check() error {
	_, err := kafkabus.SASL(s.Mechanism, s.Username, s.Password)
	return err
}
