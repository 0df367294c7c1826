package smbfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"kafka-master/messages"
)

// errAway is the error of a server that cannot be reached, or whose connection ended before
// it answered. The call may succeed over a new connection.
var errAway = errors.New("no connection to the SMB server")

// errUnsigned is the error of the library for an interim reply, which servers do not sign.
// The answer is lost, but the connection can still be used.
var errUnsigned = errors.New("interim reply without a signature")

// errClosed is the error of a closed Files.
var errClosed = fmt.Errorf("input folder: %w", fs.ErrClosed)

// status is an NTSTATUS of the server that is not one of the errors of io/fs.
type status uint32

// Error implements error.
func (s status) Error() string {
	if text, ok := s.text(); ok {
		return text
	}
	return fmt.Sprintf("the server answered status 0x%08x", uint32(s))
}

// The statuses that the code distinguishes.
const (
	statusNoSuchFile       status = 0xc000000f
	statusSharingViolation status = 0xc0000043
	statusBadShare         status = 0xc00000cc
)

func (s status) text() (string, bool) {
	switch s {
	case statusSharingViolation:
		return "another program has the file open", true
	case 0xc000007f:
		return "the share is full", true
	case 0xc00000ba:
		return "the file is a folder", true
	case 0xc00000d0, 0xc0000205:
		return "the server has no resources left", true
	}
	return "", false
}

// endsConnection reports whether the server has forgotten the session or the share:
// only a new connection helps.
func (s status) endsConnection() bool {
	switch s {
	case 0xc0000203, // session deleted
		0xc000035c,                         // session expired
		0xc00000c9,                         // network name deleted
		0xc0000128,                         // file closed
		0xc000020c,                         // disconnected
		0xc000013b, 0xc000013c, 0xc000020d: // local, remote disconnect, reset
		return true
	}
	return false
}

// refusesLogin returns why the server refuses the user, with the cure. It returns false for
// other statuses.
func (s status) refusesLogin() (string, bool) {
	switch s {
	case 0xc000006d, 0xc0000064, 0xc000006a:
		return "wrong password or unknown user: check SMB_USER (domain\\user where there is a domain) and SMB_PASSWORD", true
	case 0xc0000072:
		return "the account is disabled: have it enabled, or set SMB_USER to another one", true
	case 0xc0000234:
		return "the account is locked out: have it unlocked, and check SMB_PASSWORD", true
	case 0xc0000071, 0xc0000224:
		return "the password has expired: give the account a new one and set SMB_PASSWORD", true
	case 0xc0000193:
		return "the account has expired: have it extended, or set SMB_USER to another one", true
	case 0xc000006e, 0xc000006f, 0xc0000070, 0xc000015b, 0xc0000413:
		return "the account may not log in from here or now: have its restrictions changed, or set SMB_USER to another one", true
	}
	return "", false
}

// cannotConnect returns the error of a failed TCP connection, with the cure.
func cannotConnect(c Config, err error) error {
	var dns *net.DNSError
	var timeout net.Error
	why := "cannot be reached: check the network"
	switch {
	case errors.As(err, &dns):
		why = "has a name that cannot be resolved: check SMB_HOST"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "refuses the connection: check that the file server runs there and that SMB_PORT is right"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		why = "has no route from here: check SMB_HOST and the network"
	case errors.As(err, &timeout) && timeout.Timeout():
		why = "does not answer: check SMB_HOST, SMB_PORT and firewalls"
	}
	return fmt.Errorf("%w: %s %s: %w", errAway, c.address(), why, err)
}

// cannotLogIn returns the error of a failed negotiation or login, with the cure. answered
// reports whether the server sent an SMB message before.
func cannotLogIn(c Config, err error, answered bool) error {
	if s, ok := errors.AsType[status](err); ok {
		if why, ok := s.refusesLogin(); ok {
			return fmt.Errorf("%w: %s refuses user %s: %s", messages.ErrConfig, c.address(), c.User, why)
		}
	}
	switch {
	case errors.Is(err, errSMB1):
		return fmt.Errorf("%w: %s speaks SMB1 only, which is not safe: allow SMB 2 or 3 there", messages.ErrConfig, c.address())
	case errors.Is(err, errNotSMB):
		return fmt.Errorf("%w: %s is not an SMB server: check SMB_HOST and SMB_PORT", messages.ErrConfig, c.address())
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s denies %s the login: allow it there; "+
			"a server that requires encryption has to support SMB 3", messages.ErrConfig, c.address(), c.User)
	case errors.Is(err, errAway) && !answered && !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("log in to %s: the server closed the connection without an answer, "+
			"like servers that speak SMB1 only: allow SMB 2 or 3 there: %w", c.address(), err)
	}
	return fmt.Errorf("log in to %s: %w", c.address(), err)
}

// cannotMount returns the error of a share that cannot be used, with the cure.
func cannotMount(c Config, err error) error {
	switch {
	case errors.Is(err, statusBadShare), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s has no share %s: create it, or name another one in CLIENT_DATA_PATH",
			messages.ErrConfig, c.address(), c.Share)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s may not use share %s of %s: give the user the right to; "+
			"a share that requires encryption needs a server that supports SMB 3", messages.ErrConfig, c.User, c.Share, c.address())
	}
	return fmt.Errorf("open share %s of %s: %w", c.Share, c.address(), err)
}

// noFolder returns the error of an input folder that cannot be used, with the cure. err is
// the cause.
func noFolder(c Config, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: input folder %s does not exist: create it, or set CLIENT_DATA_PATH and INPUT_DIR: %w",
			messages.ErrConfig, c, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: input folder %s may not be opened: give user %s the right to: %w", messages.ErrConfig, c, c.User, err)
	}
	return fmt.Errorf("input folder %s: %w", c, err)
}

func notAFolder(c Config) error {
	return fmt.Errorf("%w: input folder %s is not a folder: set CLIENT_DATA_PATH and INPUT_DIR", messages.ErrConfig, c)
}
