package main

// topics are the names of a run's topics: on a real Kafka every run needs new
// ones.
type topics struct{ chunks, signals, connections, heartbeats string }

func topicsOf(prefix string) topics {
	return topics{
		chunks: prefix + "master-signal", signals: prefix + "worker-signal",
		connections: prefix + "worker-connection", heartbeats: prefix + "master-heartbeat",
	}
}
