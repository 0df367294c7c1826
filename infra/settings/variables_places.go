package settings

import (
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func fileVariables() []Variable {
	return []Variable{{
		Name: "SMB_HOST",
		Doc:  "SMB file server with the input folder; if not set, a local folder.",
		rule: host(func(s *Settings) *string { return &s.SMBHost }),
	}, {
		Name: "SMB_PORT", Default: "445",
		Doc:  "Port of the file server.",
		rule: port(func(s *Settings) *int { return &s.SMBPort }),
	}, {
		Name: "SMB_USER",
		Doc:  "User of the file server.",
		rule: label(255, func(s *Settings) *string { return &s.SMBUser }),
	}, {
		Name: "SMB_PASSWORD", Secret: true,
		Doc:  "Password of SMB_USER.",
		rule: password(func(s *Settings) *Secret { return &s.SMBPassword }),
	}, {
		Name: "CLIENT_DATA_PATH", Default: ".", derive: clientDataPath,
		Doc:  "Folder that contains INPUT_DIR; with SMB_HOST the share, or share/folder (default `share`).",
		rule: folder(func(s *Settings) *string { return &s.ClientDataPath }),
	}, {
		Name: "INPUT_DIR", Default: "input_ip_data",
		Doc:  "Folder below CLIENT_DATA_PATH whose *.txt files are the input.",
		rule: below(func(s *Settings) *string { return &s.InputDir }),
	}, {
		Name: "SETTLE", Default: "3s",
		Doc:  "Time for which a new file must be unchanged before it is read; 0 reads it at once.",
		rule: duration(0, time.Hour, func(s *Settings) *time.Duration { return &s.Settle }),
	}, {
		Name: "ARCHIVE", Default: "false",
		Doc:  "Move files to processed/ when their work is done.",
		rule: boolean(func(s *Settings) *bool { return &s.Archive }),
	}}
}

// automatic is the value with which the program decides by the other settings.
const automatic = "auto"

func stateVariables() []Variable {
	return []Variable{{
		Name: "REDIS_URL", Secret: true,
		Doc:  "Redis that keeps the state, necessary for more than one master; if not set, a folder in DATA_DIR.",
		rule: rule{"a URL that begins with redis://, rediss:// or unix://", setRedisURL},
	}, {
		Name: "REDIS_PREFIX", Default: "kafka-master",
		Doc:  "Name of this deployment in Redis; its keys are {name}:…. Deployments that share a Redis need different names, the masters of one deployment the same.",
		rule: keyName(func(s *Settings) *string { return &s.RedisPrefix }),
	}, {
		Name: "REDIS_TLS_CA_FILE",
		Doc:  "PEM file with the certificates to trust instead of the system's, for a REDIS_URL that begins with rediss://.",
		rule: file(func(s *Settings) *string { return &s.RedisTLSCAFile }),
	}, {
		Name: "STATE_SYNC", Default: "1s",
		Doc:  "When the state in DATA_DIR is synced to the disk: once a second, so that a loss of power may lose the last second, or always, before a change has an effect. The end of the process loses nothing with either. Has no effect with REDIS_URL.",
		rule: oneOf(func(s *Settings) *string { return &s.StateSync }, "1s", "always"),
	}, {
		Name: "DATA_DIR", Default: "./data",
		Doc:  "Folder for all data of this process; it is created if missing.",
		rule: folder(func(s *Settings) *string { return &s.DataDir }),
	}, {
		Name: "RESULTS_DIR", Default: "./data/results", derive: resultsDir,
		Doc:  "Folder for the results of native workers, the same for all of them; masters merge them and send them to whoever downloads them from their RESULTS_DIR. If not set, results in DATA_DIR.",
		rule: folder(func(s *Settings) *string { return &s.ResultsDir }),
	}, {
		Name: "MERGE", Default: automatic,
		Doc:  "Whether the leader merges the results of a file when it ends, into one beside their folder; replace also removes those of the chunks once every item is done. auto means true with the embedded broker and without REDIS_URL. Elsewhere RESULTS_DIR of the masters must be the folder of the workers.",
		rule: oneOf(func(s *Settings) *string { return &s.Merge }, automatic, "true", "false", "replace"),
	}}
}

func apiVariables() []Variable {
	return []Variable{{
		Name: "API_LISTEN", Default: "127.0.0.1",
		Doc:  "Address on which the HTTP API listens; 0.0.0.0 means all, then set API_TOKEN too.",
		rule: rule{"an IP address or a host name, without a port", setAPIListen},
	}, {
		Name: "API_SERVER_PORT", Default: "3001",
		Doc:  "Port of the HTTP API.",
		rule: port(func(s *Settings) *int { return &s.APIServerPort }),
	}, {
		Name: "API_ADVERTISE", Default: "API_LISTEN and API_SERVER_PORT", derive: apiAdvertise,
		Doc:  "Address at which other masters reach the API of this one, to forward calls while it leads; the host name unless API_LISTEN is a single address.",
		rule: rule{"host or host:port, IPv6 in brackets", setAPIAdvertise},
	}, {
		Name: "API_ALLOWED_HOSTS",
		Doc:  "Host names, without ports, that calls of the API may use, in addition to that in API_ADVERTISE; if not set, those of loopback when API_LISTEN is loopback and API_TOKEN is not set, else any.",
		rule: rule{"host names or addresses, separated by commas", setAPIAllowedHosts},
	}, {
		Name: "API_TOKEN", Secret: true,
		Doc:  "Token that every call of the API must have (Authorization: Bearer ...); if not set, everybody may call.",
		rule: token(func(s *Settings) *Secret { return &s.APIToken }),
	}, {
		Name: "API_READ_TOKEN", Secret: true,
		Doc:  "A second token, for callers who may read and change nothing.",
		rule: token(func(s *Settings) *Secret { return &s.APIReadToken }),
	}, {
		Name: "READ_ONLY", Default: "false",
		Doc:  "Refuse every call of the API that changes something, whatever its token.",
		rule: boolean(func(s *Settings) *bool { return &s.ReadOnly }),
	}}
}

func logVariables() []Variable {
	return []Variable{{
		Name: "LOG_LEVEL", Default: "info",
		Doc:  "Lowest level of the messages that are logged; if not set, warn for a master on a terminal. The API can change it at run time, for all masters.",
		rule: rule{"one of debug, info, warn, error", setLogLevel},
	}, {
		Name: "LOG_FORMAT", Default: "auto",
		Doc:  "Format of the log; auto means text on a terminal, else JSON.",
		rule: oneOf(func(s *Settings) *string { return &s.LogFormat }, "auto", "text", "json"),
	}}
}

// apiAdvertise returns the default of API_ADVERTISE: the address to listen on, or the host
// name if that means all addresses.
func apiAdvertise(s *Settings) string {
	host := s.APIListen
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = hostName(s)
	}
	return net.JoinHostPort(host, strconv.Itoa(s.APIServerPort))
}

func setAPIAllowedHosts(s *Settings, text string) error {
	s.APIAllowedHosts = nil
	for part := range strings.SplitSeq(text, ",") {
		var name string
		part = strings.TrimSpace(part)
		if host(func(*Settings) *string { return &name }).set(s, part) != nil {
			return errors.New("has an element that is not just a host name or an address")
		}
		s.APIAllowedHosts = append(s.APIAllowedHosts, name)
	}
	return nil
}

func setAPIAdvertise(s *Settings, text string) (err error) {
	s.APIAdvertise, err = hostPort(text, strconv.Itoa(s.APIServerPort))
	return err
}

func clientDataPath(s *Settings) string {
	if s.SMBHost != "" {
		return "share"
	}
	return "."
}

func resultsDir(s *Settings) string { return filepath.Join(s.DataDir, "results") }
