# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tests of command lines share; sourced. They set $dir, a folder of their own; $dir/out is the output
# of the last command.
passed=0 failed=0

verdict() { # name, status: 0 passes
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $1"
		tail -n 20 "$dir/out" 2>/dev/null
		failed=$((failed + 1))
	fi
}

# The command ends with that status and says exactly one line, which matches.
says() { # name, status, pattern, command...
	local name=$1 status=$2 pattern=$3 rc
	shift 3
	timeout 60 "$@" >"$dir/out" 2>&1 </dev/null
	rc=$?
	[ $rc -eq "$status" ] && grep -qE -- "$pattern" "$dir/out" && [ "$(wc -l <"$dir/out")" -eq 1 ]
	verdict "$name (status $rc, wanted $status and one line: $pattern)" $?
}
