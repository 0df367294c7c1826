package settings

import (
	"strconv"

	"kafka-master/messages"
)

func kafkaVariables() []Variable {
	return []Variable{{
		Name: "KAFKA_BROKER_PORT", Default: "9092",
		Doc:  "Port of brokers without one in KAFKA_BROKER_ADDRESS; if that is not set, the loopback port of the embedded broker.",
		rule: port(func(s *Settings) *int { return &s.KafkaBrokerPort }),
	}, {
		Name: "KAFKA_BROKER_ADDRESS",
		Doc:  "Kafka brokers to connect to first; if not set, a broker in this process that keeps its data in DATA_DIR.",
		rule: rule{"host or host:port, separated by commas, IPv6 in brackets", setBrokers},
	}, {
		Name: "KAFKA_GROUP_ID", Default: "kafka-master",
		Doc:  "Group with which the leader commits its offsets, for tools that show lag.",
		rule: label(249, func(s *Settings) *string { return &s.KafkaGroupID }),
	}, {
		Name: "KAFKA_WORKER_GROUP", Default: "ip-scanner-group",
		Doc:  "Consumer group of the workers that use one.",
		rule: label(249, func(s *Settings) *string { return &s.KafkaWorkerGroup }),
	}}
}

func topicVariables() []Variable {
	return []Variable{{
		Name: "KAFKA_TOPIC_NAME_MASTER", Default: "master-signal",
		Doc:  "Topic that carries chunks to the workers.",
		rule: topic(func(s *Settings) *string { return &s.ChunkTopic }),
	}, {
		Name: "KAFKA_TOPIC_NAME_WORKER", Default: "worker-signal",
		Doc:  "Topic that carries progress from the workers.",
		rule: topic(func(s *Settings) *string { return &s.SignalTopic }),
	}, {
		Name: "KAFKA_TOPIC_NAME_WORKER_FREE", Default: "worker-connection",
		Doc:  "Topic on which workers announce themselves.",
		rule: topic(func(s *Settings) *string { return &s.ConnectionTopic }),
	}, {
		Name: "KAFKA_MASTER_HEARTBEAT_TOPIC", Default: "master-heartbeat",
		Doc:  "Topic of the heartbeats of the masters.",
		rule: topic(func(s *Settings) *string { return &s.MasterHeartbeatTopic }),
	}, {
		Name: "KAFKA_PARTITIONS", Default: "15",
		Doc:  "Number of partitions with which KAFKA_TOPIC_NAME_MASTER is created; an existing topic is not changed.",
		rule: whole(1, messages.MaxTopicPartitions, "", func(s *Settings) *int { return &s.KafkaPartitions }),
	}, {
		Name: "KAFKA_REPLICATION", Default: "-1",
		Doc:  "Replication factor of topics that are created; -1 means the default of the broker.",
		rule: rule{"-1, or a whole number from 1 to 32,767", setReplication},
	}}
}

func kafkaSecurityVariables() []Variable {
	return []Variable{{
		Name: "KAFKA_TLS", Default: "false",
		Doc:  "Connect to the brokers over TLS.",
		rule: boolean(func(s *Settings) *bool { return &s.KafkaTLS }),
	}, {
		Name: "KAFKA_TLS_CA_FILE",
		Doc:  "PEM file with the certificates to trust instead of the system's.",
		rule: file(func(s *Settings) *string { return &s.KafkaTLSCAFile }),
	}, {
		Name: "KAFKA_TLS_CERT_FILE",
		Doc:  "PEM file with this client's certificate, together with KAFKA_TLS_KEY_FILE.",
		rule: file(func(s *Settings) *string { return &s.KafkaTLSCertFile }),
	}, {
		Name: "KAFKA_TLS_KEY_FILE",
		Doc:  "PEM file with this client's key, together with KAFKA_TLS_CERT_FILE.",
		rule: file(func(s *Settings) *string { return &s.KafkaTLSKeyFile }),
	}, {
		Name: "KAFKA_SASL_MECHANISM",
		Doc:  "Login mechanism of the brokers; if not set, no login.",
		rule: oneOf(func(s *Settings) *string { return &s.KafkaSASLMechanism }, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
	}, {
		Name: "KAFKA_SASL_USERNAME",
		Doc:  "User that logs in to the brokers.",
		rule: label(255, func(s *Settings) *string { return &s.KafkaSASLUsername }),
	}, {
		Name: "KAFKA_SASL_PASSWORD", Secret: true,
		Doc:  "Password of KAFKA_SASL_USERNAME.",
		rule: password(func(s *Settings) *Secret { return &s.KafkaSASLPassword }),
	}}
}

func setReplication(s *Settings, text string) error {
	if text == "-1" {
		s.KafkaReplication = -1
		return nil
	}
	return whole(1, 32_767, "", func(s *Settings) *int { return &s.KafkaReplication }).set(s, text)
}

func setBrokers(s *Settings, text string) error {
	fallback := s.KafkaBrokerPort
	if fallback == 0 { // the port is a mistake, which is reported separately
		fallback = 9092
	}
	all, err := brokers(text, strconv.Itoa(fallback))
	s.KafkaBrokers = all
	return err
}
