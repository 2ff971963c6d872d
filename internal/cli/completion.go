package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newCompletion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script of a shell",
		Long: `Print the completion script of a shell. Commands, flags, tasks, groups, states
and signals complete, the tasks as they are at that moment.`,
		Example: `  source <(tasks completion bash)
  tasks completion bash > ~/.local/share/bash-completion/completions/tasks
  tasks completion zsh > "${fpath[1]}/_tasks"
  tasks completion fish > ~/.config/fish/completions/tasks.fish`,
		Annotations: map[string]string{"prints": "text"},
		ValidArgs:   []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one shell: bash, zsh, fish or powershell")
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return bashCompletion(root, e.out)
			case "zsh":
				return root.GenZshCompletion(e.out)
			case "fish":
				return root.GenFishCompletion(e.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(e.out)
			}
			return usage("unknown shell %q: use bash, zsh, fish or powershell", args[0])
		},
	}
}

// bashWords splits the line where the package bash-completion is not there to
// do it: at blanks alone, not at the '=', ':' and '@' of COMP_WORDBREAKS.
const bashWords = `if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local i last word
    words=("${COMP_WORDS[0]}") cword=0
    for ((i = 1; i <= COMP_CWORD; i++)); do
        last=${words[cword]} word=${COMP_WORDS[i]}
        if ((cword > 0)) && [[ ${word} == [=:]* || ( ${word} == @* || ${last} == *[=:@] ) && ${COMP_LINE} == *"${last}${word}"* ]]; then
            words[cword]+=${word}
        else
            words[++cword]=${word}
        fi
    done
    cur=${words[cword]} prev=
    ((cword == 0)) || prev=${words[cword-1]}`

// bashTrim takes off the offers what bash keeps of the word: all up to the last
// character at which it splits.
const bashTrim = `local char breaks=
    for char in = : @; do
        [[ $COMP_WORDBREAKS != *$char* ]] || breaks+=$char
    done
    [[ -z $breaks ]] || __tasks_handle_special_char "$cur" "[$breaks]"
`

// bashFiles offers directories (-d), or also files with one of the extensions
// "a|b|", where the package bash-completion is not there to do it.
const bashFiles = `__tasks_filedir()
{
    if declare -F _filedir >/dev/null 2>&1; then
        _filedir "$@"
        return
    fi
    local entry
    COMPREPLY=()
    while IFS= read -r entry; do
        if [[ -d ${entry/#\~/$HOME} || $1 != -d && "|$1" == *"|${entry##*.}|"* ]]; then
            COMPREPLY+=("$entry")
        fi
    done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null || :
}

`

// bashEdits are changes to the library's script, which takes no account of '@',
// and needs the package bash-completion for files.
var bashEdits = []struct {
	old, new string
	times    int
}{
	{`_get_comp_words_by_ref "$@" cur prev words cword`, bashWords, 1},
	{`_init_completion -n =: ||`, `_init_completion -n =:@ ||`, 2},
	{"_filedir ", "__tasks_filedir ", 4},
	{"__start_tasks()\n{", bashFiles + "__start_tasks()\n{", 1},
	{"__tasks_handle_special_char \"$cur\" :\n    __tasks_handle_special_char \"$cur\" =\n", bashTrim, 1},
}

func bashCompletion(root *cobra.Command, w io.Writer) error {
	var b bytes.Buffer
	if err := root.GenBashCompletionV2(&b, true); err != nil {
		return err
	}
	script := b.String()
	for _, edit := range bashEdits {
		if strings.Count(script, edit.old) != edit.times {
			return errors.New("cannot make the script: the library's is not as expected")
		}
		script = strings.ReplaceAll(script, edit.old, edit.new)
	}
	_, err := io.WriteString(w, script)
	return err
}
