// Command tasks runs named tasks side by side under a background supervisor.
package main

import (
	"os"

	"tasks/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
