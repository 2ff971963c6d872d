package cli

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A printer prints facts on stdout, in the form that was asked for, and remarks on
// stderr.
type printer struct {
	streams

	output    string // table, wide, json or name
	quiet     bool
	noHeaders bool
	color     string
	secrets   bool // are shown: the command was given --env
}

func newPrinter() *printer {
	return &printer{streams: standardStreams(), output: "table", color: "auto"}
}

func (p *printer) flags(f *pflag.FlagSet) {
	f.StringVarP(&p.output, "output", "o", p.output, "output as `FORM`: table, wide, json or name")
	f.BoolFunc("json", "short for --output json", p.setJSON)
	f.BoolVar(&p.noHeaders, "no-headers", p.noHeaders, "tables without their first line")
	f.BoolVarP(&p.quiet, "quiet", "q", p.quiet, "lists: names only; other commands: nothing but errors")
	f.StringVar(&p.color, "color", p.color, "colours `WHEN`: auto, never or always")
}

// setJSON is --json: of it and --output the last counts.
func (p *printer) setJSON(value string) error {
	on, err := strconv.ParseBool(value)
	switch {
	case on:
		p.output = "json"
	case p.output == "json":
		p.output = "table"
	}
	return err
}

func outputGiven(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("output") || cmd.Flags().Changed("json")
}

// quietNames annotates the commands that print names with --quiet.
var quietNames = map[string]string{"quiet": "names"}

// checkFlags checks the flags, and refuses contradictions.
func (p *printer) checkFlags(cmd *cobra.Command) error {
	if !slices.Contains([]string{"table", "wide", "json", "name"}, p.output) {
		return usage("bad output %q: use table, wide, json or name", p.output)
	}
	if !slices.Contains([]string{"auto", "never", "always"}, p.color) {
		return usage("bad color %q: use auto, never or always", p.color)
	}
	if outputGiven(cmd) && p.quiet {
		if !cmd.Flags().Changed("quiet") {
			p.quiet = false // it was the shell's, and what its line says counts more
		} else if p.output != "name" || cmd.Annotations["quiet"] != "names" {
			return usage("--quiet and --output %s cannot be used together: leave out one of them", p.output)
		}
	}
	if p.color == "auto" && (os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb") {
		p.color = "never"
	}
	return nil
}

// remark says something beside the facts, on stderr.
func (p *printer) remark(format string, args ...any) {
	if p.quiet {
		return
	}
	for i, arg := range args { // what others have written stays on its line
		if err, ok := arg.(error); ok {
			args[i] = plain(strings.ReplaceAll(err.Error(), "\n", "; "))
		} else if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
			args[i] = plain(v.String())
		}
	}
	fmt.Fprintf(p.err, format+"\n", args...)
}

// remarks prints what reading a file has to say.
func (p *printer) remarks(all []string) {
	for _, r := range all {
		p.remark("tasks: %s", r)
	}
}
