package settings

import (
	"fmt"
	"slices"
	"strings"
)

// conflict is a combination of variables that is a mistake of the variable with that name.
type conflict struct {
	wrong         bool
	name, problem string
}

// check returns the mistakes in combinations of variables.
func check(s *Settings) Mistakes {
	var all Mistakes
	for _, c := range slices.Concat(kafkaConflicts(s), nameConflicts(s), shareConflicts(s), tokenConflicts(s)) {
		if !c.wrong {
			continue
		}
		m := Mistake{Name: c.name, Problem: c.problem}
		if v := s.values[c.name]; v.source != SourceDefault {
			m.Source, m.Value = v.source, v.text
		}
		all = append(all, m)
	}
	return all
}

func kafkaConflicts(s *Settings) []conflict {
	const withoutTLS, withoutLogin = "has no effect without KAFKA_TLS=true", "has no effect without KAFKA_SASL_MECHANISM"
	const neededForLogin = "is missing: KAFKA_SASL_MECHANISM needs it"
	own := s.IsSet("KAFKA_BROKER_ADDRESS")
	cert, key := s.IsSet("KAFKA_TLS_CERT_FILE"), s.IsSet("KAFKA_TLS_KEY_FILE")
	login, user, password := s.IsSet("KAFKA_SASL_MECHANISM"), s.IsSet("KAFKA_SASL_USERNAME"), s.IsSet("KAFKA_SASL_PASSWORD")
	return []conflict{
		{own && s.EmbeddedWorkers > 0 && s.IsSet("EMBEDDED_WORKERS"), "EMBEDDED_WORKERS",
			"works only without KAFKA_BROKER_ADDRESS; remove it and run `kafka-master worker`"},
		{!own && s.KafkaReplication > 1, "KAFKA_REPLICATION", "needs KAFKA_BROKER_ADDRESS: the embedded cluster has only one broker"},
		{!own && s.KafkaTLS, "KAFKA_TLS", "needs KAFKA_BROKER_ADDRESS: the embedded broker does not support TLS"},
		{!own && s.KafkaSASLMechanism != "", "KAFKA_SASL_MECHANISM", "needs KAFKA_BROKER_ADDRESS: the embedded broker does not support logins"},
		{cert && !key, "KAFKA_TLS_KEY_FILE", "is missing: KAFKA_TLS_CERT_FILE needs its key"},
		{key && !cert, "KAFKA_TLS_CERT_FILE", "is missing: KAFKA_TLS_KEY_FILE needs its certificate"},
		{!s.KafkaTLS && s.IsSet("KAFKA_TLS_CA_FILE"), "KAFKA_TLS_CA_FILE", withoutTLS},
		{!s.KafkaTLS && cert, "KAFKA_TLS_CERT_FILE", withoutTLS},
		{!s.KafkaTLS && key, "KAFKA_TLS_KEY_FILE", withoutTLS},
		{login && !user, "KAFKA_SASL_USERNAME", neededForLogin},
		{login && !password, "KAFKA_SASL_PASSWORD", neededForLogin},
		{user && !login, "KAFKA_SASL_USERNAME", withoutLogin},
		{password && !login, "KAFKA_SASL_PASSWORD", withoutLogin},
	}
}

func nameConflicts(s *Settings) []conflict {
	all := []conflict{{
		s.KafkaGroupID != "" && s.KafkaGroupID == s.KafkaWorkerGroup, "KAFKA_GROUP_ID",
		"is the same as KAFKA_WORKER_GROUP; the master needs a group of its own",
	}}
	seen := map[string]string{}
	for _, x := range []struct{ name, topic string }{
		{"KAFKA_TOPIC_NAME_MASTER", s.ChunkTopic},
		{"KAFKA_TOPIC_NAME_WORKER", s.SignalTopic},
		{"KAFKA_TOPIC_NAME_WORKER_FREE", s.ConnectionTopic},
		{"KAFKA_MASTER_HEARTBEAT_TOPIC", s.MasterHeartbeatTopic},
	} {
		other := seen[x.topic]
		all = append(all, conflict{other != "" && x.topic != "", x.name, fmt.Sprintf("is the same topic as %s (%s)", other, x.topic)})
		seen[x.topic] = x.name
	}
	return all
}

func shareConflicts(s *Settings) []conflict {
	share, _ := s.Share()
	outside := share == "" || share == "." || slices.Contains(strings.Split(slashed(s.ClientDataPath), "/"), "..")
	return []conflict{
		{s.SMBHost != "" && !s.IsSet("SMB_USER"), "SMB_USER", "is missing: SMB_HOST needs a user, guests are not supported"},
		{s.SMBHost != "" && outside, "CLIENT_DATA_PATH", "names no share of SMB_HOST; write share or share/folder, without .."},
	}
}

func tokenConflicts(s *Settings) []conflict {
	all, read := s.APIToken, s.APIReadToken
	return []conflict{
		{read.IsSet() && !all.IsSet(), "API_TOKEN", "is missing: with API_READ_TOKEN alone nobody could change anything, and everybody would need a token"},
		{read.IsSet() && read.Reveal() == all.Reveal(), "API_READ_TOKEN", "is the same as API_TOKEN, which may change everything"},
	}
}

// warn returns warnings about settings that work but are probably not intended.
func warn(s *Settings) []string {
	var all []string
	for _, w := range []struct {
		odd  bool
		text string
	}{
		{!s.APIOnLoopback() && !s.IsSet("API_TOKEN"), fmt.Sprintf("The API listens on %s without API_TOKEN: everybody who can reach it can read everything and change settings. Set API_TOKEN, or API_LISTEN=127.0.0.1.", s.APIListen)},
		{s.APIToken.IsSet() && len(s.APIToken.Reveal()) < 16, "API_TOKEN is shorter than 16 characters and can be guessed."},
		{s.APIReadToken.IsSet() && len(s.APIReadToken.Reveal()) < 16, "API_READ_TOKEN is shorter than 16 characters and can be guessed."},
		{s.KafkaSASLMechanism == "PLAIN" && !s.KafkaTLS, "KAFKA_SASL_MECHANISM=PLAIN without KAFKA_TLS=true sends the password in clear text over the network."},
		{s.SMBHost != "" && !s.IsSet("SMB_PASSWORD"), "SMB_HOST is set and SMB_PASSWORD is not: the login is tried with an empty password."},
		{s.SMBHost == "" && (s.IsSet("SMB_USER") || s.IsSet("SMB_PASSWORD")), "SMB_USER and SMB_PASSWORD have no effect without SMB_HOST."},
	} {
		if w.odd {
			all = append(all, w.text)
		}
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
