package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  tasks version",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return e.printVersion() },
	}
}

func (p *printer) printVersion() error {
	switch {
	case p.quiet:
		return nil
	case p.output == "json":
		return p.printJSON(map[string]string{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
	}
	_, err := fmt.Fprintf(p.out, "tasks %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
