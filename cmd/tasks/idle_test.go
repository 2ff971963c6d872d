package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
)

// idle is `idle N`: N clients that connect, and ask for nothing until they are
// interrupted.
func idle() {
	n, err := strconv.Atoi(os.Args[1])
	for range n {
		if err == nil {
			_, err = net.Dial("unix", os.Getenv("SOCKET"))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	<-interrupted
}
