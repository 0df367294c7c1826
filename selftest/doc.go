// Package selftest runs a deployment of its own and treats it badly: masters and workers
// are child processes that are killed, stopped and started again, messages are garbled
// and repeated, the batch size changes, and results cannot be written for a while. Then
// everything is healed, and it waits until all files have ended. Whether every line is
// accounted for is for the command verify to say.
//
// What happens when is decided by a seed alone, so that a run can be repeated.
package selftest
