package settings

import (
	"log/slog"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"kafka-master/messages"
)

// Settings are the values in force. The comment of each field names its variable; ranges,
// units and defaults are in the table Variables.
type Settings struct {
	KafkaBrokers         []string // KAFKA_BROKER_ADDRESS as host:port; empty means the embedded broker
	KafkaBrokerPort      int      // KAFKA_BROKER_PORT
	KafkaGroupID         string   // KAFKA_GROUP_ID
	KafkaWorkerGroup     string   // KAFKA_WORKER_GROUP
	KafkaPartitions      int      // KAFKA_PARTITIONS
	KafkaReplication     int      // KAFKA_REPLICATION; -1 means the broker's default
	ChunkTopic           string   // KAFKA_TOPIC_NAME_MASTER
	SignalTopic          string   // KAFKA_TOPIC_NAME_WORKER
	ConnectionTopic      string   // KAFKA_TOPIC_NAME_WORKER_FREE
	MasterHeartbeatTopic string   // KAFKA_MASTER_HEARTBEAT_TOPIC

	KafkaTLS           bool   // KAFKA_TLS
	KafkaTLSCAFile     string // KAFKA_TLS_CA_FILE
	KafkaTLSCertFile   string // KAFKA_TLS_CERT_FILE
	KafkaTLSKeyFile    string // KAFKA_TLS_KEY_FILE
	KafkaSASLMechanism string // KAFKA_SASL_MECHANISM in upper case; empty means no login
	KafkaSASLUsername  string // KAFKA_SASL_USERNAME
	KafkaSASLPassword  Secret // KAFKA_SASL_PASSWORD

	MasterID        string        // MASTER_ID
	BatchSize       int           // BATCH_SIZE, items
	WorkerTimeout   time.Duration // WORKER_TIMEOUT
	MaxAttempts     int           // MAX_ATTEMPTS
	Bisect          bool          // BISECT
	MaxDead         messages.DeadLimit
	Prefetch        int    // PREFETCH, chunks, or Auto
	Backup          string // BACKUP: false, true or all
	EmbeddedWorkers int    // EMBEDDED_WORKERS; 0 with KAFKA_BROKER_ADDRESS
	WorkerID        string // WORKER_ID; empty means an id that is stored on disk
	WorkerPartition *int   // WORKER_PARTITION; nil means a partition derived from the id

	SMBHost        string        // SMB_HOST; empty means a local folder
	SMBPort        int           // SMB_PORT
	SMBUser        string        // SMB_USER
	SMBPassword    Secret        // SMB_PASSWORD
	ClientDataPath string        // CLIENT_DATA_PATH: a folder, or share/folder of SMBHost
	InputDir       string        // INPUT_DIR, below ClientDataPath
	Settle         time.Duration // SETTLE
	Archive        bool          // ARCHIVE

	RedisURL       Secret // REDIS_URL; not set means a folder in DataDir
	RedisTLSCAFile string // REDIS_TLS_CA_FILE
	RedisPrefix    string // REDIS_PREFIX: without braces
	StateSync      string // STATE_SYNC: 1s or always
	DataDir        string // DATA_DIR
	ResultsDir     string // RESULTS_DIR
	Merge          string // MERGE: auto, true, false or replace

	APIListen       string   // API_LISTEN without brackets
	APIServerPort   int      // API_SERVER_PORT
	APIAllowedHosts []string // API_ALLOWED_HOSTS
	APIAdvertise    string   // host:port
	APIToken        Secret   // API_TOKEN; not set means that everybody may call
	APIReadToken    Secret   // API_READ_TOKEN
	ReadOnly        bool     // READ_ONLY

	LogLevel  slog.Level // LOG_LEVEL
	LogFormat string     // LOG_FORMAT: auto, text or json

	values   map[string]value // texts and sources of all variables, by name
	warnings []string
	typos    []string // warnings about mistyped names
}

// value is the text of a variable and its source. The text of a secret is not stored.
type value struct {
	text   string
	source string
}

// Raw returns the text of a variable as it was written, or nothing if it is not set.
// Secrets are never returned.
func (s Settings) Raw(name string) string {
	if v := s.values[name]; v.source != SourceDefault {
		return v.text
	}
	return ""
}

// IsSet reports whether the variable was set, even if to its default.
func (s Settings) IsSet(name string) bool {
	v, ok := s.values[name]
	return ok && v.source != SourceDefault
}

// Warnings returns sentences about settings that work but are probably not intended, such
// as an API that everybody on the network may use.
func (s Settings) Warnings() []string { return slices.Concat(s.warnings, s.typos) }

// Typos returns those of the warnings that are about mistyped names.
func (s Settings) Typos() []string { return s.typos }

// Merges reports whether the leader merges the results of files.
func (s Settings) Merges() bool {
	return s.Merge == "true" || s.Merge == "replace" || s.Merge == automatic && s.EmbeddedBroker() && !s.RedisURL.IsSet()
}

// EmbeddedBroker reports whether the broker runs in this process.
func (s Settings) EmbeddedBroker() bool { return len(s.KafkaBrokers) == 0 }

// APIAddress returns the host:port on which the API listens.
func (s Settings) APIAddress() string {
	return net.JoinHostPort(s.APIListen, strconv.Itoa(s.APIServerPort))
}

// APIOnLoopback reports whether the API can be reached only from this machine.
func (s Settings) APIOnLoopback() bool { return isLoopback(s.APIListen) }

// Share splits CLIENT_DATA_PATH for SMB into the share and the folder in it that contains
// INPUT_DIR. The folder is separated by slashes, and empty for the share itself.
func (s Settings) Share() (share, folder string) {
	share, folder, _ = strings.Cut(strings.Trim(slashed(s.ClientDataPath), "/"), "/")
	return share, strings.Trim(folder, "/")
}

// InputPath returns the input folder as a person writes it: a local path, or
// //host/share/folder.
func (s Settings) InputPath() string {
	if s.SMBHost == "" {
		return filepath.Join(s.ClientDataPath, s.InputDir)
	}
	share, folder := s.Share()
	return "//" + path.Join(s.SMBHost, share, folder, slashed(s.InputDir))
}

func slashed(p string) string { return strings.ReplaceAll(p, `\`, "/") }

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
