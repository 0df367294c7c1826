package settings

import (
	"fmt"
	"slices"
	"strings"
)

// check returns the mistakes in combinations of variables.
func check(s *Settings) Mistakes {
	var all Mistakes
	add := func(name, problem string) {
		v := s.values[name]
		m := Mistake{Name: name, Problem: problem}
		if v.source != SourceDefault {
			m.Source, m.Value = v.source, v.text
		}
		all = append(all, m)
	}
	checkEmbedded(s, add)
	checkTLS(s, add)
	checkSASL(s, add)
	checkNames(s, add)
	checkSMB(s, add)
	return all
}

// addMistake adds a mistake of the variable with that name.
type addMistake func(name, problem string)

func checkEmbedded(s *Settings, add addMistake) {
	if s.IsSet("KAFKA_BROKER_ADDRESS") {
		if s.EmbeddedWorkers > 0 && s.IsSet("EMBEDDED_WORKERS") {
			add("EMBEDDED_WORKERS", "works only without KAFKA_BROKER_ADDRESS; remove it and run `kafka-master worker`")
		}
		return
	}
	if s.KafkaReplication > 1 {
		add("KAFKA_REPLICATION", "needs KAFKA_BROKER_ADDRESS: the embedded cluster has only one broker")
	}
	if s.KafkaTLS {
		add("KAFKA_TLS", "needs KAFKA_BROKER_ADDRESS: the embedded broker does not support TLS")
	}
	if s.KafkaSASLMechanism != "" {
		add("KAFKA_SASL_MECHANISM", "needs KAFKA_BROKER_ADDRESS: the embedded broker does not support logins")
	}
}

func checkTLS(s *Settings, add addMistake) {
	cert, key := s.IsSet("KAFKA_TLS_CERT_FILE"), s.IsSet("KAFKA_TLS_KEY_FILE")
	if cert && !key {
		add("KAFKA_TLS_KEY_FILE", "is missing: KAFKA_TLS_CERT_FILE needs its key")
	}
	if key && !cert {
		add("KAFKA_TLS_CERT_FILE", "is missing: KAFKA_TLS_KEY_FILE needs its certificate")
	}
	if s.KafkaTLS {
		return
	}
	for _, name := range []string{"KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE"} {
		if s.IsSet(name) {
			add(name, "has no effect without KAFKA_TLS=true")
		}
	}
}

func checkSASL(s *Settings, add addMistake) {
	needs := []string{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}
	for _, name := range needs {
		if s.IsSet("KAFKA_SASL_MECHANISM") && !s.IsSet(name) {
			add(name, "is missing: KAFKA_SASL_MECHANISM needs it")
		}
		if !s.IsSet("KAFKA_SASL_MECHANISM") && s.IsSet(name) {
			add(name, "has no effect without KAFKA_SASL_MECHANISM")
		}
	}
}

func checkNames(s *Settings, add addMistake) {
	if s.KafkaGroupID != "" && s.KafkaGroupID == s.KafkaWorkerGroup {
		add("KAFKA_GROUP_ID", "is the same as KAFKA_WORKER_GROUP; the master needs a group of its own")
	}
	seen := map[string]string{}
	for _, x := range []struct{ name, topic string }{
		{"KAFKA_TOPIC_NAME_MASTER", s.ChunkTopic},
		{"KAFKA_TOPIC_NAME_WORKER", s.SignalTopic},
		{"KAFKA_TOPIC_NAME_WORKER_FREE", s.ConnectionTopic},
		{"KAFKA_MASTER_HEARTBEAT_TOPIC", s.MasterHeartbeatTopic},
	} {
		if other := seen[x.topic]; other != "" && x.topic != "" {
			add(x.name, fmt.Sprintf("is the same topic as %s (%s)", other, x.topic))
		}
		seen[x.topic] = x.name
	}
}

func checkSMB(s *Settings, add addMistake) {
	if s.SMBHost == "" {
		return
	}
	if !s.IsSet("SMB_USER") {
		add("SMB_USER", "is missing: SMB_HOST needs a user, guests are not supported")
	}
	share, _ := s.Share()
	parts := strings.Split(slashed(s.ClientDataPath), "/")
	if share == "" || share == "." || slices.Contains(parts, "..") {
		add("CLIENT_DATA_PATH", "names no share of SMB_HOST; write share or share/folder, without ..")
	}
}

// warn returns warnings about settings that work but are probably not intended.
func warn(s *Settings) []string {
	var all []string
	if !s.APIOnLoopback() && !s.IsSet("API_TOKEN") {
		all = append(all, fmt.Sprintf("The API listens on %s without API_TOKEN: everybody who can reach it can read everything and change settings. Set API_TOKEN, or API_LISTEN=127.0.0.1.", s.APIListen))
	}
	if s.APIToken.IsSet() && len(s.APIToken.Reveal()) < 16 {
		all = append(all, "API_TOKEN is shorter than 16 characters and can be guessed.")
	}
	if s.KafkaSASLMechanism == "PLAIN" && !s.KafkaTLS {
		all = append(all, "KAFKA_SASL_MECHANISM=PLAIN without KAFKA_TLS=true sends the password in clear text over the network.")
	}
	if s.SMBHost != "" && !s.IsSet("SMB_PASSWORD") {
		all = append(all, "SMB_HOST is set and SMB_PASSWORD is not: the login is tried with an empty password.")
	}
	if s.SMBHost == "" && (s.IsSet("SMB_USER") || s.IsSet("SMB_PASSWORD")) {
		all = append(all, "SMB_USER and SMB_PASSWORD have no effect without SMB_HOST.")
	}
	return all
}

// mistyped returns warnings about names that differ from one of ours by at most maxDistance
// letters, since a mistyped name has no effect. In .env, which is ours, the distance may be
// large; in the environment, which other programs use too, it must be small.
func mistyped(names []string, place string, maxDistance int) []string {
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
		if hint := nearest(upper, known); hint != "" && distance(upper, hint) <= maxDistance {
			all = append(all, fmt.Sprintf("%s in %s is not a setting; did you mean %s?", shown(name), place, hint))
		}
	}
	slices.Sort(all)
	return all
}

// composeNames are the variables of docker-compose.yml, which reads the same .env.
var composeNames = []string{
	"RUN_AS", "HOST_IP", "HOST_NAMES", "REDIS_PASSWORD", "MASTER_1_PORT", "MASTER_2_PORT",
	"KAFKA_PUBLIC_IP", "KAFKA_PUBLIC_HOST", "KAFKA_PUBLIC_PORT", "SAMBA_PORT",
}

// WarnOfEnvironment adds warnings about names in an environment (see os.Environ) that
// differ from a setting by one letter.
func (s *Settings) WarnOfEnvironment(environ []string) {
	names := make([]string, len(environ))
	for i, entry := range environ {
		names[i], _, _ = strings.Cut(entry, "=")
	}
	s.typos = append(s.typos, mistyped(names, "the environment", 1)...)
}
