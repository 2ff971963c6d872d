package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newInfo(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "info",
		Short:   "Show the supervisor: versions, socket, state directory, counts",
		Example: "  tasks info\n  tasks info --json | jq -r .state_dir",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := e.dial()
			if err != nil {
				return err
			}
			info, err := c.Info(context.Background())
			if err != nil {
				return err
			}
			if own := version(); info.Version != own && info.Program == "" { // which is not ours to update
				e.remark("tasks: the supervisor is version %s, this command %s", info.Version, own)
			}
			if e.quiet {
				return nil
			}
			return e.printInfo(info)
		},
	}
}

func (p *printer) printInfo(info client.Info) error {
	switch p.output {
	case "json":
		return p.printJSON(struct {
			Client string `json:"client_version"`
			client.Info
		}{version(), info})
	case "name":
		_, err := fmt.Fprintln(p.out, plain(info.Socket))
		return err
	}
	var counts []string
	total := 0
	for _, s := range task.States() {
		if n := info.Counts[s]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, s))
			total += n
		}
	}
	tasks := strconv.Itoa(total)
	if total > 0 {
		tasks += " (" + strings.Join(counts, ", ") + ")"
	}
	var rows [][]string
	say := func(k, v string) {
		if v != "" {
			rows = append(rows, []string{p.paint("1", k+":"), v})
		}
	}
	say("Client", version())
	say("Supervisor", info.Version)
	say("Protocol", strconv.Itoa(info.Protocol))
	say("PID", strconv.Itoa(info.PID))
	uptime := span(time.Duration(info.Uptime))
	if info.Ending {
		uptime += ", ending"
	}
	say("Uptime", uptime)
	say("Socket", info.Socket)
	if info.StateLost != "" {
		say("State", "lost: "+info.StateLost)
	} else {
		say("State", info.StateDir)
	}
	say("Log", info.Log)
	say("Tasks", tasks)
	say("Strays", strings.Trim(fmt.Sprint(info.Strays), "[]"))
	return pad(p.out, nil, rows)
}
