// Package storm holds a test of the whole program alone: its supervisor is
// killed with KILL again and again amid starts and stops, and nothing that it
// had acknowledged may be lost, and nothing else may be there.
package storm
