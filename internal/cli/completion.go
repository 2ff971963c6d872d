package cli

import (
	"bytes"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func newCompletion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script of a shell",
		Long: `Print the completion script of a shell. Commands, flags, tasks, groups, states
and signals complete, the tasks as they are at that moment.`,
		Example: `  source <(tasks completion bash)
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
// do it: at blanks alone, not at the '=' and ':' of COMP_WORDBREAKS.
const bashWords = `if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local i last
    words=("${COMP_WORDS[0]}") cword=0
    for ((i = 1; i <= COMP_CWORD; i++)); do
        last=${words[cword]}
        if ((cword > 0)) && [[ ${COMP_WORDS[i]} == [=:]* || ${last} == *[=:] && ${COMP_LINE} == *"${last}${COMP_WORDS[i]}"* ]]; then
            words[cword]+=${COMP_WORDS[i]}
        else
            words[++cword]=${COMP_WORDS[i]}
        fi
    done
    cur=${words[cword]} prev=
    ((cword == 0)) || prev=${words[cword-1]}`

func bashCompletion(root *cobra.Command, w io.Writer) error {
	var b bytes.Buffer
	if err := root.GenBashCompletionV2(&b, true); err != nil {
		return err
	}
	needs := []byte(`_get_comp_words_by_ref "$@" cur prev words cword`)
	if bytes.Count(b.Bytes(), needs) != 1 {
		return errors.New("cannot make the script: the library's is not as expected")
	}
	_, err := w.Write(bytes.Replace(b.Bytes(), needs, []byte(bashWords), 1))
	return err
}
