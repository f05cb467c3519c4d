# Sourced by scripts/setup: numbered stages with their seconds, for people and as JSON.

STAGE_NAMES=()
STAGE_SECONDS=()
STAGE_STATES=()
stage_total=0
setup_started=$EPOCHREALTIME

# say <text>: to people. Standard output belongs to --json when that was asked for.
say() {
  printf '%s\n' "$1" >&"$people"
}

# seconds_since <EPOCHREALTIME>: with two decimals
seconds_since() {
  local micros=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
  printf '%d.%02d' $((micros / 1000000)) $((micros % 1000000 / 10000))
}

# stage <name> <title> <function>
# Runs the function in a subshell with its output in the log. It may call `cached` to say that nothing had to be done.
# When it fails, the end of its output is shown and setup ends.
stage() {
  local name=$1 title=$2 work=$3 started=$EPOCHREALTIME status from
  local number="[$((${#STAGE_NAMES[@]} + 1))/$stage_total]"
  say "$number $title ..."
  rm -f "$scratch/cached"
  from=$(($(stat -c %s "$log") + 1))
  printf '\n== %s %s\n' "$number" "$title" >>"$log"
  # Not in a condition: `set -e` must stay in force inside.
  set +e
  (
    set -e
    "$work"
  ) >>"$log" 2>&1 </dev/null
  status=$?
  set -e
  STAGE_NAMES+=("$name")
  STAGE_SECONDS+=("$(seconds_since "$started")")
  if [ "$status" -ne 0 ]; then
    STAGE_STATES+=(failed)
    tail -c "+$from" "$log" | tail -n 25 | sed 's/^/      /' >&2
    say "$number $title: FAILED after ${STAGE_SECONDS[-1]} s. The whole log: $log"
    finish_report false
    exit 1
  fi
  if [ -e "$scratch/cached" ]; then STAGE_STATES+=(cached); else STAGE_STATES+=(done); fi
  say "$number $title: ${STAGE_STATES[-1]} in ${STAGE_SECONDS[-1]} s"
}

# cached: the running stage found everything in place
cached() {
  : >"$scratch/cached"
}

# finish_report <true|false>: JSON to --report FILE and, with --json, to standard output
finish_report() {
  local index comma='' text
  text="{\"ok\":$1,\"seconds\":$(seconds_since "$setup_started"),\"stages\":["
  for index in "${!STAGE_NAMES[@]}"; do
    text+="$comma{\"name\":\"${STAGE_NAMES[$index]}\",\"seconds\":${STAGE_SECONDS[$index]},\"state\":\"${STAGE_STATES[$index]}\"}"
    comma=,
  done
  text+="]}"
  [ -z "$report_file" ] || printf '%s\n' "$text" >"$report_file"
  [ "$json" = no ] || printf '%s\n' "$text"
}

# json_strings <text...>: a JSON array
json_strings() {
  local text comma='' out='['
  for text in "$@"; do
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    out+="$comma\"${text//[[:cntrl:]]/ }\""
    comma=,
  done
  printf '%s]' "$out"
}
