//go:build race

package actors

// raceDetector is whether the tests run under the race detector. Those that play a
// crowd or many worlds take it minutes and gigabytes, and find nothing there that a
// small world does not show: they run without it, in make simulate.
const raceDetector = true
