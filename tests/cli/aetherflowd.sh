#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# aetherflowd from the outside: its options, its sentences for everything that can be wrong at start, and that
# it starts and ends with each service.
# Usage: B=BUILD_FOLDER tests/cli/aetherflowd.sh     Exit status: 0 when nothing failed.
set -u
B=${B:-build/test}
D=$B/aetherflowd
passed=0 failed=0
dir=$(mktemp -d)
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

verdict() { # name, status: 0 passes
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $1"
		tail -n 20 "$dir/out"
		failed=$((failed + 1))
	fi
}

# The command ends with that status and says one line that matches.
says() { # name, status, pattern, command...
	local name=$1 status=$2 pattern=$3 rc
	shift 3
	timeout 60 "$@" >"$dir/out" 2>&1 </dev/null
	rc=$?
	[ $rc -eq "$status" ] && grep -qE -- "$pattern" "$dir/out" && [ "$(wc -l <"$dir/out")" -eq 1 ]
	verdict "$name (status $rc, wanted $status and one line: $pattern)" $?
}

# The example with ports of rings, then one change.
conf() { # file, sed script
	sed -e 's/device: net_af.*/device: net_ring0/' -e 's/hugepages: auto/hugepages: never/' -e "$2" \
		drivers-conf/aetherflowd.example.yaml >"$dir/$1"
}

says "the version" 0 '^aetherflowd [0-9]' "$D" --version
says "no configuration" 2 'aetherflowd: --config FILE is missing' "$D"
says "an unknown option" 2 "unknown option '--foo'" "$D" --foo
says "an option without its value" 2 "a value is missing after '--check'" "$D" --check
says "an argument too many" 2 "unexpected argument 'x'" "$D" --check f x
says "a bad interval" 2 "1 to 86400 seconds, not 'x'" "$D" -c f --stats x
says "a file that is not there" 1 'cannot be opened' "$D" --config "$dir/none.yaml"
says "the example is right" 0 ': ok$' "$D" --check drivers-conf/aetherflowd.example.yaml

conf key.yaml 's/conns_busy: 64/conns_bussy: 64/'
says "an unknown key" 1 'key.yaml:[0-9]+: pipeline.conns_bussy is unknown' "$D" --check "$dir/key.yaml"
conf service.yaml 's/service: echo/service: ecko/'
says "an unknown service" 1 'must be one of echo, sink, statesync' "$D" --check "$dir/service.yaml"
conf range.yaml 's/  conns: 1024/  conns: 0/'
says "a number out of range" 1 'range.yaml:[0-9]+: pipeline.conns ' "$D" --check "$dir/range.yaml"
conf busy.yaml 's/conns_busy: 64/conns_busy: 2000/'
says "more busy connections than connections" 1 'at most pipeline.conns' "$D" --check "$dir/busy.yaml"
conf ring.yaml 's/  ring: 1024/  ring: 1000/'
says "a ring that is no power of two" 1 'must be a power of two' "$D" --check "$dir/ring.yaml"
conf lcores.yaml 's/# lcores: 3/lcores: 2/'
says "too few lcores" 1 'dpio.lcores must be at least 3' "$D" --check "$dir/lcores.yaml"
conf queues.yaml 's/# queues: 1/queues: 3/'
says "queues that do not fit the lcores" 1 'one for each transport lcore' "$D" --check "$dir/queues.yaml"
echo 'log: {level: info}' >"$dir/noport.yaml"
says "no port" 1 'at least one port' "$D" --check "$dir/noport.yaml"
conf reset.yaml "s/# reset_key: 64.*/reset_key: $(printf 'z%.0s' {1..64})/"
says "a reset key of other letters" 1 '64 hexadecimal digits' "$D" --check "$dir/reset.yaml"

conf driver.yaml 's/net_ring0/net_nosuch0/'
says "an unknown driver" 1 'no driver takes it' "$D" -c "$dir/driver.yaml"
conf memory.yaml 's/memory_mb: 512/memory_mb: 64/'
says "no memory for buffers" 1 'raise dpio.memory_mb' "$D" -c "$dir/memory.yaml"
conf conns.yaml 's/  conns: 1024/  conns: 1000000/'
says "no memory for connections" 1 'raise dpio.memory_mb or lower pipeline.conns' "$D" -c "$dir/conns.yaml"
conf twice.yaml 's/^limits:/    - {name: again, device: net_ring0, ipv4: 10.98.1.1\/24}\nlimits:/'
says "a port listed twice" 1 'used by another port' "$D" -c "$dir/twice.yaml"
conf slab.yaml 's/memory_mb: 64 /memory_mb: 1 /; s/service: echo/service: statesync/'
says "no memory for a service" 1 'worker: ' "$D" -c "$dir/slab.yaml"

runs() { # name, sed script, pattern of the start line
	conf run.yaml "$2"
	: >"$dir/out"
	"$D" -c "$dir/run.yaml" --stats 60 >"$dir/out" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q protection "$dir/out" && break
		sleep 0.1
	done
	grep -qE "$3" "$dir/out"
	verdict "$1 starts" $?
	kill -TERM "$pid"
	wait "$pid"
	verdict "$1 ends with status 0" $?
	pid=
	grep -q '^worker lcore 0:' "$dir/out"
	verdict "$1 prints its counters" $?
}

runs "echo" 's/x/x/' '1 transport lcore.*\(echo\).*10.98.0.1:4433.*protection: null \(checksums only; not for release\)'
runs "statesync" 's/service: echo/service: statesync/' '\(statesync\)'
runs "two and two lcores" 's/^  lcores: 1/  lcores: 2/' '2 transport lcore\(s\), 2 worker\(s\)'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
