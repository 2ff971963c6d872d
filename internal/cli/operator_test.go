package cli

import "testing"

// What a shell would act on is found where it is not quoted.
func TestOperatorIn(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"list":                                   "",
		"list | head -3":                         "|",
		"logs a > out.txt":                       ">",
		"logs a 2>&1 | less":                     "2>&1",
		"list --failing; list":                   ";",
		"list ; list":                            ";",
		"list;":                                  ";",
		"start a -- sleep 1 && logs a":           "&&",
		"start a -- sleep 1 &":                   "&",
		"start a -- sleep 1 &\n":                 "&",
		"list ||\tlist":                          "||",
		"start a -c 'sleep 1 && echo b | cat; '": "",
		`start a -c "x > y" | head`:              "|",
		`start a -- find . -exec rm {} \;`:       "",
		"start a -- find . -exec rm {} ';'":      "",
		"start a -- find . -exec rm {} ;":        ";",
		"list # what | is":                       "",
		"start a -e X=a|b -- echo a>b <x":        "",
		"start a -c 'x\n; y'":                    "",
		"start a -- echo '|' \\| \"&&\"":         "",
		"| head":                                 "|",
	} {
		if got := operatorIn(line); got != want {
			t.Errorf("%q: %q, not %q", line, got, want)
		}
	}
}
