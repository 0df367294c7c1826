package smbfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path"
	"strconv"
	"strings"
	"time"
)

// Defaults and limits of a Config.
const (
	PortDefault      = 445
	IOTimeoutDefault = 30 * time.Second
	ReadAheadDefault = 4
	ReadAheadMax     = 16 // with more reads at once servers close the session
)

// blockSize is the number of bytes of a read. Servers and the client library return no more
// at once.
const blockSize = 1 << 20

// Config holds the settings of Files.
type Config struct {
	// Host is the name or IP address of the server, without a port.
	Host string
	// Port is the TCP port of the server. Defaults to 445.
	Port int
	// User is the account, which may be domain\user. Guests are not supported.
	User string
	// Password is the password of the account. Errors and logs do not contain it.
	Password string
	// Share is the name of the share.
	Share string
	// Folder is the folder in the share, or empty for the share itself. Slashes and
	// backslashes separate its parts.
	Folder string
	// IOTimeout is the time after which a server that owes an answer and sends nothing
	// counts as silent; its connection is closed then. Defaults to 30 s.
	IOTimeout time.Duration
	// ReadAhead is the number of MiB that each stream reads ahead, 1 to 16. Defaults to
	// 4; 8 to 16 helps if a round trip takes more than 10 ms.
	ReadAhead int
	// Logger gets warnings about lost connections and about names that cannot be used.
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// withDefaults returns c with defaults for empty fields, or an error.
func (c Config) withDefaults() (Config, error) {
	if c.Port == 0 {
		c.Port = PortDefault
	}
	if c.IOTimeout == 0 {
		c.IOTimeout = IOTimeoutDefault
	}
	if c.ReadAhead == 0 {
		c.ReadAhead = ReadAheadDefault
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Folder = strings.Trim(path.Clean("/"+strings.ReplaceAll(c.Folder, `\`, "/")), "/")
	_, user := c.account()
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, `/\ `):
		return c, fmt.Errorf("host %q is not a host name or an IP address", c.Host)
	case c.Port < 1 || c.Port > 65535:
		return c, fmt.Errorf("port %d is not one of 1 to 65535", c.Port)
	case user == "":
		return c, errors.New("user is missing: guests are not supported")
	case c.Share == "" || strings.ContainsAny(c.Share, `/\:*?"<>|`):
		return c, fmt.Errorf("share %q is not the name of a share", c.Share)
	case c.Folder != "" && !usable(c.Folder):
		return c, fmt.Errorf("folder %q is not a path below the share", c.Folder)
	case c.IOTimeout < 0:
		return c, fmt.Errorf("timeout %s is negative", c.IOTimeout)
	case c.ReadAhead < 1 || c.ReadAhead > ReadAheadMax:
		return c, fmt.Errorf("read-ahead %d is not one of 1 to %d", c.ReadAhead, ReadAheadMax)
	}
	return c, nil
}

// account splits domain\user into its parts.
func (c Config) account() (domain, user string) {
	if domain, user, ok := strings.Cut(c.User, `\`); ok {
		return domain, user
	}
	return "", c.User
}

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// String returns the folder as a person writes it.
func (c Config) String() string { return "//" + path.Join(c.Host, c.Share, c.Folder) }

// usable reports whether a path, separated by slashes, names a file in the share: it has no
// "..", no name of an alternate data stream, and no wildcard.
func usable(p string) bool {
	if !fs.ValidPath(p) || p == "." || strings.ContainsAny(p, `\:*?"<>|`) || strings.ContainsRune(p, '\uFFFD') {
		return false
	}
	return !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' })
}
