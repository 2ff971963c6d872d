package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"tasks/internal/escape"
	"tasks/pkg/task"
)

// colours of states, as ANSI codes.
var colours = map[task.State]string{
	task.Waiting: "34", task.Queued: "34", task.Starting: "36", task.Running: "32", task.Paused: "33", task.Stopping: "33", task.BackingOff: "33",
	task.Done: "2", task.Failed: "31", task.Stopped: "2", task.Lost: "35",
}

func (p *printer) coloured(tty bool) bool { return p.color == "always" || p.color == "auto" && tty }

func (p *printer) paint(code, s string) string {
	if code == "" || !p.coloured(p.tty) {
		return s
	}
	return escape.Sequence(code+"m") + escape.String(s) + escape.Sequence("0m")
}

// printTouched prints the tasks that a command acted on.
func (p *printer) printTouched(tasks []task.Info) error {
	switch {
	case p.quiet:
		return nil
	case len(tasks) == 0 && p.output != "json":
		return nil
	}
	return p.printTasks(tasks)
}

// answered prints the tasks that a question was answered with. A table needs
// one where there was an error; JSON is an array whenever a supervisor answered.
func (p *printer) answered(tasks []task.Info, err error) error {
	if err != nil && len(tasks) == 0 && (p.output != "json" || errors.Is(err, task.ErrUnavailable)) {
		return err
	}
	return joined(err, p.printTasks(tasks))
}

// printTasks prints tasks in the form that was asked for.
func (p *printer) printTasks(tasks []task.Info) error {
	switch p.output {
	case "json":
		return printJSONs(p, p.withoutSecrets(tasks))
	case "name":
		for _, t := range tasks {
			fmt.Fprintln(p.out, plain(t.Name))
		}
		return nil
	}
	return p.taskTable(tasks)
}

// printTable prints rows under head: on a terminal no wider than it is, unless
// wide is what was asked for.
func (p *printer) printTable(head []string, rows [][]string) error {
	if p.output == "wide" {
		return p.printRows(head, rows, 0)
	}
	return p.printRows(head, rows, p.terminal())
}

// printRows prints a table whose lines are cut at width; 0: none is.
func (p *printer) printRows(head []string, rows [][]string, width int) error {
	if p.noHeaders {
		head = nil
	}
	escapeCells(rows)
	w := &trimmer{w: p.out, width: width}
	// The library takes 20 ms for a thousand rows, fills all up to the widest cell, and
	// lays them out alike.
	long := func(row []string) bool {
		return slices.ContainsFunc(row, func(cell string) bool { return len(cell) > maxColumn })
	}
	if !p.tty || len(rows) > 100 || slices.ContainsFunc(rows, long) {
		return pad(w, head, rows)
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: "  ", Overwrite: true}},
	}
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}))
	if head != nil {
		t.Header(head)
	}
	if err := t.Bulk(rows); err != nil {
		return err
	}
	return t.Render()
}

// escapeCells makes each row a line of printable text.
func escapeCells(rows [][]string) {
	for _, row := range rows {
		for i := range row {
			row[i] = escape.Cell(row[i])
		}
	}
}

// pad lays out a table with the options given to tablewriter.
func pad(w io.Writer, head []string, rows [][]string) error {
	if head != nil {
		rows = append([][]string{head}, rows...)
	}
	return new(columns).print(w, rows)
}

// columns lays out rows as they come: each column is as wide as its widest cell so far.
type columns struct{ width []int }

// maxColumn is the widest column that other cells are filled up to.
const maxColumn = 1000

func (c *columns) print(w io.Writer, rows [][]string) error {
	escapeCells(rows)
	for _, row := range rows {
		for i, cell := range row {
			if i == len(c.width) {
				c.width = append(c.width, 0)
			}
			c.width[i] = min(max(c.width[i], shown(cell)), maxColumn)
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", max(c.width[i]-shown(cell), 0)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shown is the width of a cell in columns, colours not counted.
func shown(s string) int {
	n := 0
	for s != "" {
		if n := escape.Length(s); n > 0 {
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		n += columnsOf(r)
	}
	return n
}

// columnsOf is how wide r is on a terminal.
func columnsOf(r rune) int {
	if r < 0x80 {
		return 1 // control characters were made text
	}
	return twwidth.Width(string(r))
}

// trimmer takes the blanks off the ends of lines, and cuts what is wider than
// the terminal, or continues it on the next line.
type trimmer struct {
	w     io.Writer
	width int // 0: any
	wraps bool
}

func (t *trimmer) Write(b []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		// The table library ends colours once too often.
		text := strings.TrimRight(strings.ReplaceAll(line, "\x1b[0m", ""), " \n")
		if t.wraps && t.width > 1 {
			text = hanging(text, t.width)
		} else if t.width > 1 && shown(text) > t.width {
			text = cut(text, t.width-1) + "…"
		}
		out.WriteString(text)
		if strings.HasSuffix(line, "\n") {
			out.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(t.w, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// hanging breaks a line that is wider than width between words; what follows is indented.
func hanging(line string, width int) string {
	const indent = "    "
	var b strings.Builder
	for shown(line) > width {
		at := strings.LastIndexByte(cut(line, width+1), ' ')
		head := strings.TrimRight(line[:max(at, 0)], " ")
		if strings.TrimSpace(head) == "" { // a word is wider
			break
		}
		b.WriteString(head + "\n")
		line = indent + strings.TrimLeft(line[at:], " ")
	}
	return b.String() + line
}

// cut keeps the first n columns of s, and all its colours.
func cut(s string, n int) string {
	var b strings.Builder
	for s != "" {
		if n := escape.Length(s); n > 0 {
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		if n -= columnsOf(r); n >= 0 {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// plain shows what a terminal would act on as text, on one line.
func plain(s string) string { return escape.String(s) }

// commandLine is the command as it could be typed.
func commandLine(t task.Info) string {
	if t.Engine == task.EngineFunc {
		return "(function)"
	}
	return quoted(t.Command)
}

// quote writes a word so that a POSIX shell reads it as it is.
func quote(s string) string {
	unsafe := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 127 || strings.ContainsRune("@%_-+=:,./", r))
	}
	if escape.Needed(s) { // a line as any: the shells of today read $'...'
		return "$'" + plain(strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s)) + "'"
	}
	if s != "" && !strings.ContainsFunc(s, unsafe) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// counted is a number of things: "1 task", "3 tasks".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// span is a length of time for people: its two greatest units.
func span(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// short is Go's text of d without its zeros: 1h, not 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// size is a number of bytes for people.
func size(n int64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if f < 10 {
		return fmt.Sprintf("%.1f%ciB", f, units[i])
	}
	return fmt.Sprintf("%.0f%ciB", f, units[i])
}
