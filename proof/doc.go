// Package proof checks a file after its work: the input, the manifests that the workers
// wrote beside their results, the results themselves, and the books of the master.
//
// It is a second implementation on purpose. It reads each of the four by itself and in
// the most obvious way, and shares no code with what cut the file, wrote the results or
// counted them, so that a mistake there does not repeat itself here. What it proves:
//
//   - The ranges of the chunks are disjoint, in order, and cover the file.
//   - The bytes of each range have the hash and the number of items that were recorded.
//   - Each done chunk has one result, with the recorded bytes, lines and hash, and one
//     list of failed items if some failed.
//   - The digest and the sums of the books are those of the manifests.
//
// Whatever does not hold is named by the lines of the input that it concerns. What
// cannot be known, such as an input that is gone, is never taken for granted.
package proof
