package redisstore

import "kafka-master/messages"

// prefix begins every key. The braces are a hash tag: on a Redis Cluster all
// keys are in one slot, so that one script may touch them all.
const prefix = "{kafka-master}:"

// headKey is a hash: who may write and what was written last. Owner: the
// scripts. Lifetime: that of the state; without it the store counts as empty.
// Fields: store (random id of this state), term, holder, master and api (who
// leads, or led last), number and batch (of the last batch), attempts (how many
// were ever put into the journal).
func headKey() string { return prefix + "head" }

// leaseKey is a string: the holder of the lease. Owner: acquire, renew, release.
// Lifetime: the lease's, by its PX.
func leaseKey() string { return prefix + "lease" }

// masterKey is a string: the random id of the process that runs under a master
// id. Owner: present. Lifetime: some seconds after that process ended.
func masterKey(master string) string { return prefix + "master:" + master }

// tableKey is a hash: the records of a table of package messages. Owner: commit.
// Lifetime: a record's, until a batch drops it.
//
//	files    one field per file version, JSON; forgotten 30 days after the file left
//	chunks   one field per open or dead chunk, "<file>/<index>", binary
//	workers  one field per worker, JSON; forgotten when lost and idle
//	offsets  one field per partition, "<topic>/<partition>", decimal; for ever
//	values   one field per setting or counter, text; for ever
func tableKey(table messages.Table) string { return prefix + string(table) }

// journalKey is a list: attempts, oldest first, JSON. Owner: commit. Lifetime:
// an entry's, until messages.JournalCap newer ones came.
func journalKey() string { return prefix + "journal" }
