// Command bare is the least that a Go program can be that asks a supervisor
// for its list: it dials, asks, and prints the reply. `tasks list` is measured
// against it.
package main

import (
	"bufio"
	"net"
	"os"
)

func main() {
	conn, err := net.Dial("unix", os.Args[1])
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	conn.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"list"}` + "\n"))
	reply, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.Write(reply)
}
