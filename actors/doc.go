// Package actors is the running master: it cuts files into chunks, hands each chunk to a
// worker through Kafka, and records what became of it.
//
// # The tree
//
//	master                          starts what outlives a term, and one term at a time
//	├─ persistence                  the only write path to the store; group commit
//	├─ egress                       the only produce path for chunks
//	├─ elector                      acquires, renews and releases the lease
//	├─ view                         answers the API; has the list of problems
//	└─ term-<holder>                one leadership: loads the state, starts the rest
//	   ├─ topics                    creates, checks and grows topics
//	   ├─ intake                    takes files into work, has finished ones archived
//	   │  ├─ scanner                lists, fingerprints, archives; one job at a time
//	   │  └─ batch-planner-<n>        streams one file and cuts it
//	   ├─ dispatcher                pairs chunks with workers, alone judges results
//	   ├─ fleet                     routes worker messages
//	   │  └─ supervisor-<id>-<n>    is this worker alive?
//	   │     └─ free-worker         sends chunks to this worker
//	   ├─ classic-group             watches the consumer group of the classic workers
//	   └─ ingress                   reads both worker topics, stores their offsets
//
// # Who owns what
//
// An actor alone reads and writes its state. The rules are pure types without I/O and
// without a clock, in packages of their own: the dispatcher has the ledger, a free-worker
// its slots, intake the catalog, a planner the cutter. The time is an argument of their
// methods.
//
//	master       which term lives, how far an ordered stop is
//	persistence  the number of the last batch, the commit in flight, pending writes
//	egress       a queue for each leading broker, until when the lease is trusted
//	elector      the term, the lease, whether this master belongs to the state
//	view         what the others published last
//	term         its children, the batch size
//	intake       versions of files, planners, files that cannot be read, retries that
//	             wait for their ranges to be read
//	dispatcher   chunks, cursors and totals of the files, offers, credit of the planners
//	fleet        the known workers and their last status
//	supervisor   the record of a worker, its silence
//	free-worker  the chunks that were sent to a worker, its offer
//	ingress      the next offset of each partition, batches that are not acknowledged
//
// # How messages flow
//
// Out:   scanner → intake → batch-planner → dispatcher → persistence → free-worker → egress
//
// Back:  ingress → fleet → supervisor → dispatcher → persistence
//
// Against this flow go only answers and permissions, each for a reason:
//
//   - The dispatcher sends planners credit and free-workers verdicts, as cumulative
//     numbers, because no mailbox is bounded: a repeated or late one does no harm.
//   - Whoever handled a worker's message acknowledges it to ingress, which stores an offset
//     only when everything before it has had its effect.
//   - Supervisors and free-workers ask ingress whether everything was read, before they
//     conclude anything from silence.
//   - The dispatcher sends intake the end of a file, and that it is in work again, after the
//     commit; planners and free-workers send it whether a file can be read.
//   - Every actor of a term publishes immutable values to the view, and the problems that
//     it knows.
//
// A write is a message to persistence; what must wait for the commit is a notice of that
// write. Notices of a term that is fenced are dropped.
//
// # Rules of every actor
//
// Receive never waits: each call of Kafka, the store or a folder runs in a goroutine beside
// the actor (run, beside) and ends as one message to it. Messages are immutable, and each
// type is in the file of the actor that receives it. An unknown message is logged once.
//
// Nothing restarts in place. An actor that panics ends; its parent decides what follows,
// which for most children of a term is the end of the term and a new one from the store.
// Once an actor is ending it starts no child, because it would wait for that child for ever.
package actors
