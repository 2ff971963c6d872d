package cli

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A printer prints facts on stdout, in the form that was asked for, and remarks on
// stderr.
type printer struct {
	streams

	output    string // table, wide, json or name
	json      bool   // as output json
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
	f.BoolVar(&p.json, "json", p.json, "short for --output json")
	f.BoolVar(&p.noHeaders, "no-headers", p.noHeaders, "tables without their first line")
	f.BoolVarP(&p.quiet, "quiet", "q", p.quiet, "print names only, or nothing but errors")
	f.StringVar(&p.color, "color", p.color, "colours `WHEN`: auto, never or always")
}

// settle makes one of the flags that say the same, and checks them.
func (p *printer) settle() error {
	if p.json {
		p.output = "json"
	}
	if !slices.Contains([]string{"table", "wide", "json", "name"}, p.output) {
		return usage("bad output %q: use table, wide, json or name", p.output)
	}
	if !slices.Contains([]string{"auto", "never", "always"}, p.color) {
		return usage("bad color %q: use auto, never or always", p.color)
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
