// Package results knows the folder that workers leave their results in: which line of a
// manifest belongs to which result, how lines are appended durably, and how the results of
// a file become one.
//
// The folder of one version of a file (messages.GenerationFolder) holds a result for each
// chunk, a list of failed items beside it when items failed, and below ManifestFolder one
// manifest for each worker process: one line of JSON for each chunk that was put in place.
// docs/protocol.md describes all of it. Nothing in the folder is trusted.
package results
