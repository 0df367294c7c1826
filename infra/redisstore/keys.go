package redisstore

import (
	"strings"

	"kafka-master/messages"
)

// DefaultPrefix is the prefix of every key unless Config has another one. The braces are
// a hash tag, which puts all keys into one slot of a Redis Cluster, so that a script can
// use all of them.
const DefaultPrefix = "{kafka-master}"

// keyspace is the common beginning of the keys of one deployment: its prefix and a
// colon. It tells the keys of deployments that share a Redis apart.
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

// head returns the key of a hash with the current term and the last batch. It is written
// by the scripts and exists as long as the state: without it the store is empty. Its
// fields are store (random id of the state), term, holder, master and api (current or
// last leader), number and batch (number and id of the last batch).
func (k keyspace) head() string { return string(k) + "head" }

// lease returns the key of a string with the holder of the lease. It is written by
// acquire, renew and release, and expires with the lease.
func (k keyspace) lease() string { return string(k) + "lease" }

// restoring returns the key of a string with the id of the process that restores a
// state. It is written by restore, and expires some seconds after that process ended.
func (k keyspace) restoring() string { return string(k) + "restoring" }

// master returns the key of a string with the random id of the process that uses a
// master id. It is written by present, and expires some seconds after that process
// ended.
func (k keyspace) master(id string) string { return string(k) + "master:" + id }

// table returns the key of a hash with the records of a table of package messages. It is
// written by commit; a record stays until a batch drops it.
//
//	files    a field for each file version, JSON; dropped 30 days after the file left
//	chunks   a field for each open or dead chunk, "<file>/<index>", binary
//	workers  a field for each worker, JSON; dropped when it is lost and holds nothing
//	offsets  a field for each partition, "<topic>/<partition>", decimal; never dropped
//	values   a field for each setting or counter, text; never dropped
func (k keyspace) table(t messages.Table) string { return string(k) + string(t) }

// tables returns the keys of all tables.
func (k keyspace) tables() []string {
	var keys []string
	for _, t := range messages.Tables() {
		keys = append(keys, k.table(t))
	}
	return keys
}

// journal returns the key of a list of attempts in JSON, oldest first. It is written by
// commit; an attempt stays until messages.JournalCap newer ones were added.
func (k keyspace) journal() string { return string(k) + "journal" }
