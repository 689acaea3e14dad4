#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# aether-lab from its command line: short runs, a trace, the console on a pipe, wrong flags.
# Usage: B=build/test tests/cli/aether-lab.sh      editing traces: AEF_DATA, or ../shared/data
set -u
B=${B:-build/test}
LAB=$B/aether-lab
DATA=${AEF_DATA:-../shared/data}/editing-traces
passed=0 failed=0 skipped=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# check NAME EXPECTED-STATUS PATTERN COMMAND...: status and a line of the output
check() {
	local name=$1 status=$2 pattern=$3
	shift 3
	timeout 120 "$@" >"$tmp/out" 2>&1 </dev/null
	local rc=$?
	if [ $rc -eq "$status" ] && grep -qE -- "$pattern" "$tmp/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $name: status $rc instead of $status, or no line with: $pattern"
		tail -n 25 "$tmp/out"
	fi
}

# has NAME PATTERN: the output of the last command has such a line, too
has() {
	if grep -qE -- "$2" "$tmp/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $1: no line with: $2"
		tail -n 25 "$tmp/out"
	fi
}

# refuse NAME PATTERN ARGS...: one sentence on standard error, status 1 or 2
refuse() {
	local name=$1 pattern=$2
	shift 2
	timeout 60 "$LAB" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	local rc=$?
	if { [ $rc -eq 1 ] || [ $rc -eq 2 ]; } && [ "$(wc -l <"$tmp/err")" -eq 1 ] &&
		grep -qE -- "$pattern" "$tmp/err"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $name: status $rc, expected one line with: $pattern"
		cat "$tmp/err"
	fi
}

check "real time, defaults for 2 s" 0 '^in sync$' "$LAB" --duration 2s --no-huge
has "four documents" '^document 4: version [0-9]+, .*, 3 replicas equal$'
has "the protection is said" '^aether-lab [0-9.]+: packet protection: aes-256-gcm'
has "a table" '^ +1\.[0-9] s '

check "two transport and two worker lcores, IPv6" 0 '^in sync$' \
	"$LAB" --duration 1s --no-huge --lcores 2 --workers 2 --ip 6 --quiet

check "lockstep, every impairment" 0 '^in sync$' "$LAB" --lockstep --duration 10s --quiet \
	--link 'delay=20ms,jitter=15ms,loss=5%,dup=5%/2,reorder=5%/50ms,corrupt=2%/4,truncate=1%,rate=2mbit,queue=64kb,ecn=8kb' \
	--seed 3 --json "$tmp/a.json"
grep '^trace hash' "$tmp/out" >"$tmp/hash1"
check "lockstep again" 0 '^in sync$' "$LAB" --lockstep --duration 10s --quiet \
	--link 'delay=20ms,jitter=15ms,loss=5%,dup=5%/2,reorder=5%/50ms,corrupt=2%/4,truncate=1%,rate=2mbit,queue=64kb,ecn=8kb' \
	--seed 3
grep '^trace hash' "$tmp/out" >"$tmp/hash2"
check "same seed, same hash" 0 '^equal' sh -c "cmp '$tmp/hash1' '$tmp/hash2' && echo equal"
check "another seed" 0 '^in sync$' "$LAB" --lockstep --duration 10s --quiet --seed 4
grep '^trace hash' "$tmp/out" >"$tmp/hash3"
check "another seed, another hash" 1 'differ' cmp "$tmp/hash1" "$tmp/hash3"

for seed in 1 2 3; do
	args=(--lockstep --duration 5s --quiet --seed "$seed" --rate "$((seed * 10))"
		--link "delay=$((seed * 20))ms,jitter=15ms,loss=5%,dup=2%,corrupt=1%,reorder=$seed%/50ms")
	"$LAB" "${args[@]}" | grep '^trace hash' >"$tmp/ring"
	"$LAB" "${args[@]}" --direct | grep '^trace hash' >"$tmp/direct"
	check "seed $seed: lcores over net_ring and the engine called directly send the same" 0 '^equal' \
		sh -c "test -s '$tmp/ring' && cmp '$tmp/ring' '$tmp/direct' && echo equal"
done
check "JSON is JSON with a verdict" 0 '^True$' \
	python3 -c "import json; print(json.load(open('$tmp/a.json'))['verdict']['in_sync'])"

check "every fifth packet lost, FEC off" 0 '^in sync$' \
	"$LAB" --lockstep --duration 5s --quiet --link loss=20% --fec off
check "FEC always" 0 '^in sync$' "$LAB" --lockstep --duration 5s --quiet --fec always

printf '%s\n' 'show config' 'set link loss 5' 'set link burst 5%/3 down client 2' 'set link bogus 1' \
	'start 1s' 'wait' 'show port stats all' 'show conn' 'show conn 1' 'show conn 99' 'show doc' \
	'clear port stats all' 'set fec always' 'start' 'wait 500ms' 'stop' 'nonsense' 'help' 'quit' |
	timeout 60 "$LAB" --console --no-huge --quiet >"$tmp/console" 2>&1
check "console: ends in sync" $? '^in sync$' cat "$tmp/console"
for pattern in '^client 1 up: delay 30.0 ms .*loss 2.00%' 'no link setting "bogus"' '^converged$' \
	'^port.appliance.ipackets [0-9]+' '^client 8: rtt' '^  id [0-9a-f-]{36}' 'No client 99' \
	'^document 1: client 1 version [0-9]+' 'Unknown command' 'set link <key>'; do
	has "console" "$pattern"
done
check "console: end of input is quit" 0 '^in sync$' "$LAB" --console --no-huge --quiet

"$LAB" --duration 60s --no-huge --interval 100ms >"$tmp/interrupted" 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q '^ *0\.[5-9] s ' "$tmp/interrupted" && break
	sleep 0.1
done
kill -TERM $pid # a background job of a script ignores INT
wait $pid
status=$?
check "interrupt: converges and gives the verdict" 0 '^in sync$' cat "$tmp/interrupted"
check "interrupt: status of the verdict" 0 '^0$' echo $status

if [ -r "$DATA/friendsforever.json.gz" ]; then
	check "friendsforever, 2 % loss, lockstep" 0 \
		'SHA-256 4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6, 3 replicas equal, equal to' \
		"$LAB" --trace "$DATA/friendsforever.json.gz" --lockstep --quiet
	has "operations in flight" '^in flight  ([2-9]|[0-9]{2,})'
	check "a part of a trace" 0 '^in sync$' \
		"$LAB" --trace "$DATA/friendsforever.json.gz" --no-huge --duration 2s --quiet
	has "a part of a trace: how much" 'cut short: [1-9][0-9]* of 26078 patches'
	check "friendsforever, 5 % in bursts, lockstep" 0 \
		'SHA-256 4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6, 3 replicas equal, equal to' \
		"$LAB" --trace "$DATA/friendsforever.json.gz" --lockstep --quiet --link burst=5%/3
	check "sveltecomponent, 20 readers" 0 \
		'SHA-256 d8bb93b7cf87b4c3a0394fddc028284a093d90d5794a213d1ccb0794eb4ede8f, 22 replicas equal, equal to' \
		"$LAB" --trace "$DATA/sveltecomponent.json.gz" --readers 20 --no-huge --quiet \
		--link delay=1ms,loss=1%
	check "automerge-paper, 20 readers" 0 \
		'SHA-256 a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039, 22 replicas equal, equal to' \
		"$LAB" --trace "$DATA/automerge-paper.json.gz" --readers 20 --no-huge --quiet \
		--link delay=1ms,loss=1%
else
	echo "skip: no editing traces in $DATA (set AEF_DATA)"
	skipped=$((skipped + 1))
fi

echo '{"endContent":"wrong","txns":[{"patches":[[0,0,"right"]]}]}' >"$tmp/wrong.json"
check "a trace that ends otherwise" 1 '^DIVERGED: .*seed 9$' \
	"$LAB" --trace "$tmp/wrong.json" --lockstep --quiet --seed 9
echo '{"endContent":"x","txns":[{"patches":[[5,1,"x"]]}]}' >"$tmp/range.json"
check "a trace that leaves its text" 1 'could not go on typing' \
	"$LAB" --trace "$tmp/range.json" --lockstep --quiet
check "no link for longer than the idle time-out: edits made meanwhile are resumed" 0 '^in sync$' \
	"$LAB" --lockstep --quiet --link outage=@5s/70s --duration 90s
check "only losses: nobody comes in" 1 'seed 1$' \
	"$LAB" --lockstep --quiet --link loss=100% --settle 1s --duration 1s

# A signal before anybody came in: no document was opened, so nothing was in sync.
"$LAB" --link loss=100% --no-huge --quiet >"$tmp/nobody" 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q '^links up' "$tmp/nobody" && break
	sleep 0.1
done
kill -TERM $pid
wait $pid
status=$?
check "interrupt before anybody came in" 0 '^NOT IN SYNC: nobody came in; seed 1$' cat "$tmp/nobody"
check "interrupt before anybody came in: status" 0 '^1$' echo $status
check "verdict to a full device" 0 '^standard output: .*status 1$' sh -c \
	"'$LAB' --lockstep --quiet --duration 100ms 2>'$tmp/full' >/dev/full; rc=\$?; \
	sed -n 's/.*Cannot write to //p' '$tmp/full' | tr -d '\n'; echo \" status \$rc\""
check "help to a full device" 1 'Cannot write to standard output' sh -c "'$LAB' --help >/dev/full"
check "standard streams closed" 0 '^status 1, JSON whole$' sh -c \
	"'$LAB' --lockstep --quiet --duration 100ms --link loss=100% --settle 1s --json '$tmp/c.json' <&- >&- 2>&-; \
	echo \"status \$?, JSON \$(python3 -m json.tool '$tmp/c.json' >/dev/null && echo whole)\""
check "a list starts from a clean link" 0 '^links up: delay 1.0 ms .- 0.0, loss 1.00%; down: delay 30.0 ms .- 5.0, loss 2.00%$' \
	"$LAB" --lockstep --quiet --duration 100ms --link-up delay=1ms,loss=1%

refuse "unknown flag" 'no such option' --bogus
refuse "a word too many" 'not an option' file
refuse "bad number" '1 to 1024' --clients many
refuse "bad link" 'no link setting "los"' --link los=1%
refuse "bad link value" 'loss' --link loss=120%
refuse "no such trace" 'check the name' --trace "$tmp/none.json"
echo '{"endContent":' >"$tmp/bad.json"
refuse "trace is not JSON" 'not JSON' --trace "$tmp/bad.json"
refuse "no memory" 'lower|raise|memory' --memory 40 --no-huge
refuse "JSON nowhere, said at once" 'Cannot write' --no-huge --quiet --duration 1000s --json "$tmp/none/x.json"
refuse "trace is a folder" 'it is a folder' --trace "$tmp"
refuse "pace without a trace" '--pace belongs to --trace' --pace 1x
refuse "readers without a trace" '--readers belongs to --trace' --readers 1
refuse "more memory than there is" "of this machine" --no-huge --quiet --memory 1048576
refuse "too much memory" 'from 32 to 1048576' --memory 1048577

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
