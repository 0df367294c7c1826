package redisstore

import (
	"strings"

	"kafka-master/messages"
)

// DefaultPrefix begins every key unless the configuration says otherwise. The
// braces are a hash tag: on a Redis Cluster all keys are in one slot, so that one
// script may touch them all.
const DefaultPrefix = "{kafka-master}"

// keyspace makes the keys of one deployment. Two deployments of one Redis have
// different ones, which begin with their prefix and a colon.
type keyspace string

func newKeyspace(prefix string) keyspace {
	switch {
	case prefix == "":
		prefix = DefaultPrefix
	case !strings.HasPrefix(prefix, "{"):
		prefix = "{" + prefix + "}"
	}
	return keyspace(prefix + ":")
}

// head is a hash: who may write and what was written last. Owner: the scripts.
// Lifetime: that of the state; without it the store counts as empty. Fields:
// store (random id of this state), term, holder, master and api (who leads, or
// led last), number and batch (of the last batch), attempts (how many were ever
// put into the journal).
func (k keyspace) head() string { return string(k) + "head" }

// lease is a string: the holder of the lease. Owner: acquire, renew, release.
// Lifetime: the lease's, by its PX.
func (k keyspace) lease() string { return string(k) + "lease" }

// restoring is a string: the id of the process that puts a state back into an
// empty store. Owner: restore. Lifetime: until that is done, or some seconds
// after the process ended.
func (k keyspace) restoring() string { return string(k) + "restoring" }

// master is a string: the random id of the process that runs under a master id.
// Owner: present. Lifetime: some seconds after that process ended.
func (k keyspace) master(id string) string { return string(k) + "master:" + id }

// table is a hash: the records of a table of package messages. Owner: commit.
// Lifetime: a record's, until a batch drops it.
//
//	files    one field per file version, JSON; forgotten 30 days after the file left
//	chunks   one field per open or dead chunk, "<file>/<index>", binary
//	workers  one field per worker, JSON; forgotten when lost and idle
//	offsets  one field per partition, "<topic>/<partition>", decimal; for ever
//	values   one field per setting or counter, text; for ever
func (k keyspace) table(t messages.Table) string { return string(k) + string(t) }

// tables are the keys of all tables.
func (k keyspace) tables() []string {
	var keys []string
	for _, t := range messages.Tables() {
		keys = append(keys, k.table(t))
	}
	return keys
}

// journal is a list: attempts, oldest first, JSON. Owner: commit. Lifetime: an
// entry's, until messages.JournalCap newer ones came.
func (k keyspace) journal() string { return string(k) + "journal" }
