/**
 * The scripts that shells load. They hold no knowledge of the commands: at each Tab they ask
 * `secrets completion --words =WORD…`, where every word has a `=` in front, so that empty words and words like `--`
 * arrive as they are. The answer has a line for each candidate, value and description with a tab between, and perhaps
 * a last line, for what the shell adds from its own knowledge: `:files`, or `:program` with the index of the word at which
 * the command line of the program to run begins, the first word being 0.
 */

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

// For bash 3.2, which macOS has, and without the bash-completion package. The line is split again because bash
// takes = and : for the ends of words.
const BASH = String.raw`# bash completion of secrets. In ~/.bashrc:  source <(secrets completion bash)
_secrets_completion() {
  local line="${'$'}{COMP_LINE:0:COMP_POINT}" also="" begin=0 value rest current shown i
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  COMPREPLY=()
  (( ${'$'}{#words[@]} > 1 )) || return 0
  current="${'$'}{words[${'$'}{#words[@]}-1]}"
  shown="$current"
  [[ $COMP_WORDBREAKS == *=* ]] && shown="${'$'}{shown##*=}"
  [[ $COMP_WORDBREAKS == *:* ]] && shown="${'$'}{shown##*:}"
  while IFS=$'\t' read -r value rest; do
    case "$value" in
      :*) also="${'$'}{value#:}" begin="$rest" ;;
      ?*) COMPREPLY+=("${'$'}{value#"${'$'}{current%"$shown"}"}") ;;
    esac
  done < <("${'$'}{words[0]}" completion --words "${'$'}{words[@]/#/=}" 2>/dev/null)
  case "$also" in
    files)
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$shown")
      compopt -o filenames 2>/dev/null ;;
    program)
      # bash counts its words differently, so the program is looked for behind --
      if declare -F _command_offset >/dev/null; then
        for (( i = 1; i < COMP_CWORD; i++ )); do
          [[ ${'$'}{COMP_WORDS[i]} == -- ]] && { _command_offset $(( i + 1 )); return; }
        done
      fi
      [[ $begin == $(( ${'$'}{#words[@]} - 1 )) ]] && current=-c || current=""
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen $current -f -- "$shown") ;;
  esac
}
complete -F _secrets_completion secrets secretsrc
`;

const ZSH = String.raw`#compdef secrets secretsrc
# zsh completion of secrets. In ~/.zshrc, after compinit:  source <(secrets completion zsh)
_secrets() {
  local line value also=""
  local -a lines candidates
  lines=("${'$'}{(@f)$("${'$'}{words[1]}" completion --words "${'$'}{(@)words[1,CURRENT]/#/=}" 2>/dev/null)}")
  for line in "${'$'}{lines[@]}"; do
    case $line in
      :*) also="${'$'}{line#:}" ;;
      ?*)
        value="${'$'}{${'$'}{line%%$'\t'*}//:/\\:}"
        line="${'$'}{line#*$'\t'}"
        candidates+=("$value${'$'}{line:+:$line}") ;;
    esac
  done
  (( ${'$'}#candidates )) && _describe -t secrets secrets candidates
  case $also in
    files) _files ;;
    program*)
      value=${'$'}{also#*$'\t'}
      shift $value words
      (( CURRENT -= value ))
      _normal ;;
  esac
}
if [[ $funcstack[1] == _secrets ]]; then _secrets "$@"; else compdef _secrets secrets secretsrc; fi
`;

const FISH = String.raw`# fish completion of secrets:  secrets completion fish > ~/.config/fish/completions/secrets.fish
function __secrets_completion
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] completion --words "="$words 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case ':program*'
                set -l begin (math (string split \t -- $line)[2] + 1)
                set -l typed (string escape -- $words[$begin..-1])
                set typed[-1] $words[-1]
                complete -C (string join ' ' -- $typed)
            case '*'
                echo $line
        end
    end
end
complete -c secrets -f -a '(__secrets_completion)'
complete -c secretsrc -f -a '(__secrets_completion)'
`;

const POWERSHELL = String.raw`# PowerShell completion of secrets. In $PROFILE:  secrets completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName secrets, secretsrc -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '' }
  $arguments = @('completion', '--words') + @($words | ForEach-Object { "=$_" })
  & $words[0] @arguments 2>$null | Where-Object { $_ -and -not $_.StartsWith(':') } | ForEach-Object {
    $value, $text = $_ -split "${'`'}t", 2
    if (-not $text) { $text = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
  }
}
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };
