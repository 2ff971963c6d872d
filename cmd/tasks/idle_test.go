package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
)

// idle is `idle N`: N clients that connect, and ask for nothing until they are
// interrupted.
func idle() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt) // before anybody can see that it runs
	n, err := strconv.Atoi(os.Args[1])
	for range n {
		if err == nil {
			_, err = net.Dial("unix", os.Getenv("SOCKET"))
		}
	}
	if err == nil {
		err = os.WriteFile("idle-"+os.Args[1], nil, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-interrupted
}

// unread is `unread`: a client that asks for more than fits in between, and reads none
// of it until it is interrupted.
func unread() {
	nc, err := net.Dial("unix", os.Getenv("SOCKET"))
	if err == nil {
		_, err = nc.Write([]byte(strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"list","params":{"env":true}}`+"\n", 200)))
	}
	if err == nil {
		_, err = io.ReadFull(nc, make([]byte, 1)) // it is being answered
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	fmt.Println("asked")
	<-interrupted
}
