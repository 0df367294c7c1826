package doctor

import (
	"context"
	"strings"
)

// Redis is a Redis server.
type Redis interface {
	// Ping makes a round trip. Its error contains the remedy.
	Ping(context.Context) error
	// Info returns the answer to the command INFO.
	Info(context.Context) (string, error)
}

// State checks the Redis server that stores the state.
func State(r Redis) Check {
	return Check{Name: "redis", Run: func(ctx context.Context) []Finding {
		if err := r.Ping(ctx); err != nil {
			return fail("%s", messageOf(err))
		}
		text, err := r.Info(ctx)
		if err != nil {
			return warn("answers, but this user may not read its configuration: "+
				"make sure that it has appendonly yes and maxmemory-policy noeviction: %v", err)
		}
		return judgeInfo(infoFields(text))
	}}
}

// judgeInfo checks the fields of INFO. It ignores missing fields, since some cloud
// services omit them.
func judgeInfo(info map[string]string) []Finding {
	if info["role"] == "slave" {
		return fail("is a replica, which accepts no writes: set REDIS_URL to the primary, %s:%s", info["master_host"], info["master_port"])
	}
	var found []Finding
	if info["aof_enabled"] == "0" {
		found = append(found, warn("loses the last writes when it stops: set appendonly yes")...)
	}
	if info["aof_last_write_status"] == "err" {
		found = append(found, fail("cannot write its append-only file: check its disk and its log")...)
	}
	if policy := info["maxmemory_policy"]; strings.HasPrefix(policy, "allkeys") {
		found = append(found, warn("may drop the state when its memory is full (maxmemory-policy %s): set maxmemory-policy noeviction", policy)...)
	}
	if len(found) > 0 {
		return found
	}
	version := info["redis_version"]
	if version == "" {
		version = "of unknown version"
	}
	return ok("answers, version %s, %s of memory used, writes are durable", version, info["used_memory_human"])
}

// infoFields parses lines of the form name:value.
func infoFields(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			all[name] = value
		}
	}
	return all
}
