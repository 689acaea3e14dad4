#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The pages of docs/operations against what the program lists of itself: every key with its default and range,
# every metric with kind and unit, every verdict with its meaning, and nothing that does not exist.
# Usage: B=BUILD_FOLDER tests/cli/operations.sh     Exit status: 0 when nothing failed.
set -u
B=${B:-build/test}
D=$B/aetherflowd
DOCS=${DOCS:-docs/operations}
dir=$(mktemp -d)
# shellcheck source=tests/cli/common.bash
. "${BASH_SOURCE[0]%/*}/common.bash"
trap 'rm -rf "$dir"' EXIT

row() { # page, name, what must stand in its row...
	local page=$1 name=$2 line text
	shift 2
	line=$(grep -F -- "| \`$name\` |" "$DOCS/$page")
	[ -n "$line" ]
	verdict "$page has no row for $name" $?
	for text in "$@"; do
		[[ -z $text || $line == *"$text"* ]]
		verdict "$page, $name: does not say '$text'" $?
	done
}

# Rows that name what the program does not have.
no_more() { # page, file of names
	# shellcheck disable=SC2016 # backquotes of Markdown
	grep -o '^| `[^`]*`' "$DOCS/$1" | tr -d '|` ' | sort >"$dir/said"
	sort "$2" | comm -23 "$dir/said" - >"$dir/more"
	cat "$dir/more"
	[ ! -s "$dir/more" ]
	verdict "$1 says too much, as above" $?
}

for what in keys metrics verdicts; do
	"$D" --list $what >"$dir/$what" && [ -s "$dir/$what" ]
	verdict "aetherflowd --list $what" $?
done
while IFS='|' read -r key default range _; do
	row configure.md "$key" "$default" "$range"
	grep -qE "^ *(#|-)? *${key##*.}:" drivers-conf/aetherflowd.example.yaml
	verdict "drivers-conf/aetherflowd.example.yaml lacks $key" $?
done < <(tr '\t' '|' <"$dir/keys")
while IFS='|' read -r name kind unit help; do
	row metrics.md "$name" "$kind, $unit" "$help"
done < <(tr '\t' '|' <"$dir/metrics")
while IFS='|' read -r _ name help; do
	row verdicts.md "$name" "$help"
done < <(tr '\t' '|' <"$dir/verdicts")
cut -f 1 "$dir/keys" >"$dir/names"
no_more configure.md "$dir/names"
cut -f 1 "$dir/metrics" >"$dir/names"
no_more metrics.md "$dir/names"
cut -f 2 "$dir/verdicts" >"$dir/names"
no_more verdicts.md "$dir/names"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
