package settings

import (
	"fmt"
	"slices"
	"strings"
)

// check looks at what single variables cannot show: combinations.
func check(s *Settings) Mistakes {
	var all Mistakes
	wrong := func(name, problem string) {
		v := s.values[name]
		m := Mistake{Name: name, Problem: problem}
		if v.source != SourceDefault {
			m.Source, m.Value = v.source, v.text
		}
		all = append(all, m)
	}
	checkEmbedded(s, wrong)
	checkTLS(s, wrong)
	checkSASL(s, wrong)
	checkNames(s, wrong)
	checkSMB(s, wrong)
	return all
}

type report func(name, problem string)

func checkEmbedded(s *Settings, wrong report) {
	if s.IsSet("KAFKA_BROKER_ADDRESS") {
		if s.EmbeddedWorkers > 0 && s.IsSet("EMBEDDED_WORKERS") {
			wrong("EMBEDDED_WORKERS", "works only without KAFKA_BROKER_ADDRESS; leave it out and run `kafka-master worker`")
		}
		return
	}
	if s.KafkaReplication > 1 {
		wrong("KAFKA_REPLICATION", "needs KAFKA_BROKER_ADDRESS: the embedded broker is only one")
	}
	if s.KafkaTLS {
		wrong("KAFKA_TLS", "needs KAFKA_BROKER_ADDRESS: the embedded broker speaks no TLS")
	}
	if s.KafkaSASLMechanism != "" {
		wrong("KAFKA_SASL_MECHANISM", "needs KAFKA_BROKER_ADDRESS: the embedded broker has no login")
	}
}

func checkTLS(s *Settings, wrong report) {
	cert, key := s.IsSet("KAFKA_TLS_CERT_FILE"), s.IsSet("KAFKA_TLS_KEY_FILE")
	if cert && !key {
		wrong("KAFKA_TLS_KEY_FILE", "is missing: KAFKA_TLS_CERT_FILE needs its key")
	}
	if key && !cert {
		wrong("KAFKA_TLS_CERT_FILE", "is missing: KAFKA_TLS_KEY_FILE needs its certificate")
	}
	if s.KafkaTLS {
		return
	}
	for _, name := range []string{"KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE"} {
		if s.IsSet(name) {
			wrong(name, "has no effect without KAFKA_TLS=true")
		}
	}
}

func checkSASL(s *Settings, wrong report) {
	needs := []string{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}
	for _, name := range needs {
		if s.IsSet("KAFKA_SASL_MECHANISM") && !s.IsSet(name) {
			wrong(name, "is missing: KAFKA_SASL_MECHANISM needs it")
		}
		if !s.IsSet("KAFKA_SASL_MECHANISM") && s.IsSet(name) {
			wrong(name, "has no effect without KAFKA_SASL_MECHANISM")
		}
	}
}

func checkNames(s *Settings, wrong report) {
	if s.KafkaGroupID != "" && s.KafkaGroupID == s.KafkaWorkerGroup {
		wrong("KAFKA_GROUP_ID", "is the same as KAFKA_WORKER_GROUP; the master needs a group of its own")
	}
	seen := map[string]string{}
	for _, x := range []struct{ name, topic string }{
		{"KAFKA_TOPIC_NAME_MASTER", s.ChunkTopic},
		{"KAFKA_TOPIC_NAME_WORKER", s.SignalTopic},
		{"KAFKA_TOPIC_NAME_WORKER_FREE", s.ConnectionTopic},
		{"KAFKA_MASTER_HEARTBEAT_TOPIC", s.MasterHeartbeatTopic},
	} {
		if other := seen[x.topic]; other != "" && x.topic != "" {
			wrong(x.name, fmt.Sprintf("is the same topic as %s (%s)", other, x.topic))
		}
		seen[x.topic] = x.name
	}
}

func checkSMB(s *Settings, wrong report) {
	if s.SMBHost == "" {
		return
	}
	if !s.IsSet("SMB_USER") {
		wrong("SMB_USER", "is missing: SMB_HOST needs a user, guests are not supported")
	}
	share, _ := s.Share()
	parts := strings.Split(slashed(s.ClientDataPath), "/")
	if share == "" || share == "." || slices.Contains(parts, "..") {
		wrong("CLIENT_DATA_PATH", "names no share of SMB_HOST; write share or share/folder, without ..")
	}
}

// warn looks for settings that work and are hardly meant so.
func warn(s *Settings) []string {
	var all []string
	if !s.APIOnLoopback() && !s.IsSet("API_TOKEN") {
		all = append(all, fmt.Sprintf("The API listens on %s without API_TOKEN: everybody who reaches it can read all and change the settings. Set API_TOKEN, or API_LISTEN=127.0.0.1.", s.APIListen))
	}
	if s.APIToken.IsSet() && len(s.APIToken.Reveal()) < 16 {
		all = append(all, "API_TOKEN is shorter than 16 characters and can be guessed.")
	}
	if s.KafkaSASLMechanism == "PLAIN" && !s.KafkaTLS {
		all = append(all, "KAFKA_SASL_MECHANISM=PLAIN without KAFKA_TLS=true sends the password as it is over the network.")
	}
	if s.SMBHost != "" && !s.IsSet("SMB_PASSWORD") {
		all = append(all, "SMB_HOST is set and SMB_PASSWORD is not: the login is tried with an empty password.")
	}
	if s.SMBHost == "" && (s.IsSet("SMB_USER") || s.IsSet("SMB_PASSWORD")) {
		all = append(all, "SMB_USER and SMB_PASSWORD have no effect without SMB_HOST.")
	}
	return all
}

// strangers warns of names that are nearly one of ours: mistyped, they would be
// ignored without a word. In .env, which is ours alone, three letters may be wrong;
// in the environment, where others have their names, one.
func strangers(names []string, place string, most int) []string {
	var known []string
	for _, v := range Variables() {
		known = append(known, v.Name)
		if v.Secret {
			known = append(known, v.Name+"_FILE")
		}
	}
	var all []string
	for _, name := range names {
		if slices.Contains(known, name) || slices.Contains(composeNames, name) {
			continue
		}
		upper := strings.ToUpper(name)
		if hint := nearest(upper, known); hint != "" && distance(upper, hint) <= most {
			all = append(all, fmt.Sprintf("%s in %s is no setting; did you mean %s?", shown(name), place, hint))
		}
	}
	slices.Sort(all)
	return all
}

// composeNames are variables of docker-compose.yml, which reads the same .env.
var composeNames = []string{
	"RUN_AS", "HOST_IP", "HOST_NAMES", "REDIS_PASSWORD", "MASTER_1_PORT", "MASTER_2_PORT",
	"KAFKA_PUBLIC_IP", "KAFKA_PUBLIC_HOST", "KAFKA_PUBLIC_PORT", "SAMBA_PORT",
}

// WarnOfEnvironment adds warnings of names in an environment (see os.Environ) that
// are one letter away from a setting.
func (s *Settings) WarnOfEnvironment(environ []string) {
	names := make([]string, len(environ))
	for i, entry := range environ {
		names[i], _, _ = strings.Cut(entry, "=")
	}
	s.typos = append(s.typos, strangers(names, "the environment", 1)...)
}
