package doctor

import (
	"context"
	"strings"
)

// Redis is what is asked of Redis.
type Redis interface {
	// Ping makes a round trip; its error says what to do.
	Ping(context.Context) error
	// Info returns what Redis tells of itself.
	Info(context.Context) (string, error)
}

// State looks at the Redis that keeps the state.
func State(r Redis) Check {
	return Check{Name: "redis", Run: func(ctx context.Context) []Finding {
		if err := r.Ping(ctx); err != nil {
			return fail("%s", messageOf(err))
		}
		text, err := r.Info(ctx)
		if err != nil {
			return warn("answers, but does not tell how it is set up, which this user may not ask for: "+
				"see to appendonly yes and maxmemory-policy noeviction yourself: %v", err)
		}
		return judgeInfo(infoFields(text))
	}}
}

// setUp judges what Redis tells of itself. Fields that a service in the cloud
// leaves out are not judged.
func judgeInfo(info map[string]string) []Finding {
	if info["role"] == "slave" {
		return fail("is a replica, which takes no writes: let REDIS_URL name the primary, %s:%s", info["master_host"], info["master_port"])
	}
	var found []Finding
	if info["aof_enabled"] == "0" {
		found = append(found, warn("loses the last writes when it ends: set appendonly yes")...)
	}
	if info["aof_last_write_status"] == "err" {
		found = append(found, fail("cannot write its append-only file: look at its disk and its log")...)
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
	return ok("answers, version %s, %s of memory used, writes are kept", version, info["used_memory_human"])
}

// infoFields reads lines of the form name:value.
func infoFields(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			all[name] = value
		}
	}
	return all
}
