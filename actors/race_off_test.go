//go:build !race

package actors

// raceDetector is whether the tests run under the race detector.
const raceDetector = false
