// Package crashtest holds tests of the whole program alone. TestCrashes kills its
// supervisor with KILL again and again amid starts and stops: nothing that it
// had acknowledged may be lost, and nothing else may be there. TestMany has ten
// thousand tasks started, listed, taken back after a KILL, and stopped.
package crashtest
