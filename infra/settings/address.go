package settings

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// brokers parses a list of brokers, separated by commas, into host:port.
func brokers(text, fallback string) ([]string, error) {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		addr, err := hostPort(part, fallback)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("names no broker")
	}
	return all, nil
}

// hostPort returns host:port for host, host:port, [IPv6] or [IPv6]:port. The port defaults
// to fallback.
func hostPort(text, fallback string) (string, error) {
	if strings.Contains(text, "://") {
		return "", errors.New("is a URL; remove what is before the host")
	}
	if strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") {
		return "", errors.New("looks like IPv6 without brackets")
	}
	name, number := text, fallback
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		name = text[1 : len(text)-1]
	} else if strings.Contains(text, ":") {
		var err error
		if name, number, err = net.SplitHostPort(text); err != nil {
			return "", errors.New("is not host:port")
		}
	}
	if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 {
		return "", errors.New("has a port that is not 1 to 65,535")
	}
	if strings.HasPrefix(text, "[") {
		if ip, err := netip.ParseAddr(name); err != nil || !ip.Is6() {
			return "", errors.New("has something else than an IPv6 address in its brackets")
		}
	} else if !isHost(name) {
		return "", errors.New("is not the name or address of a host")
	}
	return net.JoinHostPort(name, number), nil
}

// isHost reports whether a name can be the name of a host. DNS does not allow underscores,
// but container networks do. A name of digits and dots must be an address.
func isHost(name string) bool {
	if strings.Trim(name, "0123456789.") == "" {
		_, err := netip.ParseAddr(name)
		return err == nil
	}
	return len(name) <= 253 && strings.Trim(name, nameBytes) == ""
}

func host(at func(*Settings) *string) rule {
	return rule{"a host name or an IP address", func(s *Settings, text string) error {
		name := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		if _, err := netip.ParseAddr(name); err != nil && !isHost(text) {
			return errors.New("is not just the name or address of a host")
		}
		*at(s) = name
		return nil
	}}
}

func setAPIListen(s *Settings, text string) error {
	if host(func(s *Settings) *string { return &s.APIListen }).set(s, text) != nil {
		return errors.New("is not an address to listen on (the port is API_SERVER_PORT)")
	}
	return nil
}

func setRedisURL(s *Settings, text string) error {
	u, err := url.Parse(text)
	if err != nil {
		// The error is not wrapped, since it quotes the URL with the password.
		return errors.New("is not a URL (a password with special characters must be percent-encoded)")
	}
	switch {
	case u.Scheme == "unix" && u.Path != "":
	case (u.Scheme == "redis" || u.Scheme == "rediss") && u.Host != "":
	case u.Scheme == "unix" || u.Scheme == "redis" || u.Scheme == "rediss":
		return errors.New("has no host or socket")
	default:
		return errors.New("has another scheme")
	}
	s.RedisURL = NewSecret(text)
	return nil
}

func token(at func(*Settings) *Secret) rule {
	return rule{"1 to 1,024 printable ASCII characters without spaces", func(s *Settings, text string) error {
		odd := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
		if len(text) > 1024 || odd >= 0 {
			return errors.New("is too long or has other characters")
		}
		*at(s) = NewSecret(text)
		return nil
	}}
}

func setLogLevel(s *Settings, text string) error {
	switch strings.ToLower(text) {
	case "debug":
		s.LogLevel = slog.LevelDebug
	case "info":
		s.LogLevel = slog.LevelInfo
	case "warn", "warning":
		s.LogLevel = slog.LevelWarn
	case "error":
		s.LogLevel = slog.LevelError
	default:
		return errors.New("is not one of them")
	}
	return nil
}
