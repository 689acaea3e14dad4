#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# aetherflowd from the outside: its options, its sentences for everything that can be wrong at start, and that
# it starts and ends with each service.
# Usage: B=BUILD_FOLDER tests/cli/aetherflowd.sh     Exit status: 0 when nothing failed.
set -u
B=${B:-build/test}
D=$B/aetherflowd
dir=$(mktemp -d)
# shellcheck source=tests/cli/common.bash
. "${BASH_SOURCE[0]%/*}/common.bash"
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# The example with ports of rings, then one change.
conf() { # file, sed script
	sed -e 's/device: net_af.*/device: net_ring0/' -e 's/hugepages: auto/hugepages: never/' \
		-e 's/^  dir: .*/  ephemeral: true/' -e "$2" drivers-conf/aetherflowd.example.yaml >"$dir/$1"
}

says "the version" 0 '^aetherflowd [0-9]' "$D" --version
says "no configuration" 2 'aetherflowd: --config FILE is missing' "$D"
says "an unknown option" 2 "unknown option '--foo'" "$D" --foo
says "an option without its value" 2 "a value is missing after '--check'" "$D" --check
says "an argument too many" 2 "unexpected argument 'x'" "$D" --check f x
says "a bad interval" 2 "1 to 86400 seconds, not 'x'" "$D" -c f --stats x
says "a file that is not there" 1 'no configuration .*none.yaml; copy drivers-conf/aetherflowd.example.yaml .*make lab' \
	"$D" --config "$dir/none.yaml"
says "an unknown list" 2 "keys, metrics or verdicts, not 'x'" "$D" --list x
says "the example is right" 0 ': ok$' "$D" --check drivers-conf/aetherflowd.example.yaml

conf key.yaml 's/conns_busy: 64/conns_bussy: 64/'
says "an unknown key" 1 'key.yaml:[0-9]+: pipeline.conns_bussy is unknown' "$D" --check "$dir/key.yaml"
conf device.yaml "s/^      device: /      devise: /"
says "a port without its device" 1 'device.yaml:[0-9]+: dpio.ports\[0\]' "$D" --check "$dir/device.yaml"
says "a folder for a file" 1 'the file cannot be read .*name a YAML file' "$D" --check "$dir"
conf service.yaml 's/service: echo/service: ecko/'
says "an unknown service" 1 'must be one of echo, sink, statesync' "$D" --check "$dir/service.yaml"
conf range.yaml 's/  conns: 1024/  conns: 0/'
says "a number out of range" 1 'range.yaml:[0-9]+: pipeline.conns ' "$D" --check "$dir/range.yaml"
conf rate.yaml 's/acks_per_source: 100/acks_per_source: 0/'
conf strangers.yaml 's/stranger_percent: 2/stranger_percent: 51/'
says "too much time for strangers" 1 'strangers.yaml:[0-9]+: pipeline.stranger_percent must be from 1 to 50' "$D" --check "$dir/strangers.yaml"
says "no ACK of any source" 1 'rate.yaml:[0-9]+: pipeline.acks_per_source must be from 1' "$D" --check "$dir/rate.yaml"
conf busy.yaml 's/conns_busy: 64/conns_busy: 2000/'
says "more busy connections than connections" 1 'at most pipeline.conns' "$D" --check "$dir/busy.yaml"
conf ring.yaml 's/  ring: 1024/  ring: 1000/'
says "a ring that is no power of two" 1 'must be a power of two' "$D" --check "$dir/ring.yaml"
conf lcores.yaml 's/# lcores: 3/lcores: 2/'
says "too few lcores" 1 'dpio.lcores must be at least 3' "$D" --check "$dir/lcores.yaml"
conf queues.yaml 's/# queues: 1/queues: 3/'
says "queues that do not fit the lcores" 1 'one for each transport lcore' "$D" --check "$dir/queues.yaml"
echo 'keys: {ephemeral: true}' >"$dir/noport.yaml"
says "no port" 1 'at least one port' "$D" --check "$dir/noport.yaml"
echo 'log: {level: info}' >"$dir/nokeys.yaml"
says "no keys" 1 'keys.dir is missing: make .* aetherctl keys init.*ephemeral' "$D" --check "$dir/nokeys.yaml"
conf both.yaml 's/^  group: 1.*/  dir: x/'
says "two kinds of keys" 1 'exclude each other' "$D" --check "$dir/both.yaml"
conf group.yaml 's/^  group: 1 /  group: 65536 /'
says "a group out of range" 1 'keys.group' "$D" --check "$dir/group.yaml"
conf socket.yaml "s|^# control:|control: {socket: $(printf 'x%.0s' {1..108})}|"
says "a path too long for a socket" 1 'control.socket' "$D" --check "$dir/socket.yaml"

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

mkdir "$dir/folder"
says "a folder instead of a file" 1 'cannot be read' "$D" --check "$dir/folder"
echo 'keys: {ephemeral: true}' >"$dir/empty.yaml"
: >"$dir/nothing.yaml"
says "an empty file" 1 'keys.dir is missing' "$D" --check "$dir/nothing.yaml"
says "a file with keys only" 1 'at least one port' "$D" --check "$dir/empty.yaml"
head -c 2000000 /dev/zero | tr '\0' a >"$dir/big.yaml"
says "a file too large" 1 'larger than' "$D" --check "$dir/big.yaml"
conf replies.yaml 's/replies: 8192/replies: 4194304/'
says "no memory for replies" 1 'raise dpio.memory_mb or lower worker.replies' "$D" -c "$dir/replies.yaml"
conf descs.yaml 's/descs: 8192/descs: 4194304/'
says "no memory for a link" 1 'lower worker.descs' "$D" -c "$dir/descs.yaml"
conf tokens.yaml 's/tokens: 4096/tokens: 16777216/'
says "no memory for tokens" 1 'pipeline.conns, conns_busy or tokens' "$D" -c "$dir/tokens.yaml"
conf ok.yaml 's/x/x/'
says "too few open files" 1 'raise ulimit -n' bash -c "ulimit -n 8; exec '$D' -c '$dir/ok.yaml'"
says "not enough address space" 1 'lower dpio.memory_mb' bash -c "ulimit -v 200000; exec '$D' -c '$dir/ok.yaml'"

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

# Two on one kernel interface; and an interface that is not there. Needs root for a namespace of its own.
if [ "$(id -u)" -eq 0 ] && unshare -n true 2>/dev/null; then
	sed -e 's/iface=aef0/iface=lo/' -e 's/hugepages: auto/hugepages: never/' -e 's/^  dir: .*/  ephemeral: true/' \
		drivers-conf/aetherflowd.example.yaml >"$dir/lo.yaml"
	says "an interface that another one has" 1 'another AetherFlow program has this interface' \
		unshare -n bash -c "ip link set lo up; '$D' -c '$dir/lo.yaml' 2>'$dir/first' & p=\$!
		for _ in \$(seq 100); do grep -q protection '$dir/first' && break; sleep 0.1; done
		'$D' -c '$dir/lo.yaml'; rc=\$?; kill \$p; wait \$p; exit \$rc"
	says "an interface that is not there" 1 'that the interface is there' \
		unshare -n "$D" -c drivers-conf/aetherflowd.example.yaml
	if setpriv --reuid 65534 --regid 65534 --clear-groups "$D" --version >"$dir/out" 2>&1; then
		says "no right to open the interface" 1 'your rights' \
			setpriv --reuid 65534 --regid 65534 --clear-groups "$D" -c drivers-conf/aetherflowd.example.yaml
	fi
fi

least='dpio: {hugepages: never, ports: [{name: p0, device: net_ring0, ipv4: 10.1.0.1/24}]}'
printf '%s\nkeys: {ephemeral: true}\n' "$least" >"$dir/least.yaml"
timeout -s INT 3 "$D" -c "$dir/least.yaml" >"$dir/out" 2>&1
grep -q protection "$dir/out"
verdict "a file with nothing but a port and keys is enough" $?
timeout -s INT 2 "$D" -c "$dir/least.yaml" --stats 1 <&- >&- 2>&-
[ $? -eq 124 ]
verdict "standard streams that are closed are not taken for other files" $?
"$D" -c "$dir/least.yaml" >"$dir/out" 2>&1 &
pid=$!
sleep 0.3
kill -TERM "$pid"
kill -TERM "$pid"
wait "$pid"
verdict "two signals in a row, also during the start, end it with status 0" $?
pid=
# DPDK's run-time folder: /var/run/dpdk as root (seen alone in a mount namespace), else XDG_RUNTIME_DIR.
mkdir "$dir/run"
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	unshare -m bash -c "mount -t tmpfs run /var/run; timeout -s INT 1 '$D' -c '$dir/least.yaml'; ls -A /var/run" \
		>"$dir/left" 2>"$dir/out"
else
	XDG_RUNTIME_DIR=$dir/run timeout -s INT 1 "$D" -c "$dir/least.yaml" >"$dir/out" 2>&1
	ls -A "$dir/run" >"$dir/left"
fi
cat "$dir/left" >>"$dir/out"
[ ! -s "$dir/left" ] && grep -q protection "$dir/out"
verdict "nothing is left in the run-time folder of DPDK" $?

runs "echo" 's/x/x/' '1 transport lcore.*\(echo\).*10.98.0.1:4433.*protection: aes-256-gcm'
runs "ephemeral keys" 's/x/x/' 'keys: ephemeral \(for a laboratory\)$'
runs "statesync" 's/service: echo/service: statesync/' '\(statesync\)'
runs "two and two lcores" 's/^  lcores: 1/  lcores: 2/' '2 transport lcore\(s\), 2 worker\(s\)'

# ---- keys: the folder must be there and private ----
C=$B/aetherctl
with_keys() { printf '%s\nkeys: {dir: %s}\n' "$least" "$1" >"$dir/keys.yaml"; }
with_keys "$dir/ring"
says "keys in a folder that is not there" 1 "keys: there is no key-ring folder.*aetherctl keys init" "$D" -c "$dir/keys.yaml"
"$C" keys init --ring "$dir/ring" >"$dir/out" 2>&1
verdict "aetherctl makes the folder" $?
chmod 755 "$dir/ring"
says "a folder that others can read" 1 'keys: .*mode 0755.*chmod 0700' "$D" -c "$dir/keys.yaml"
chmod 700 "$dir/ring"
chmod 640 "$dir/ring/g00001-e00001.key"
says "a key that others can read" 1 'keys: .*mode 0640.*chmod 0600' "$D" -c "$dir/keys.yaml"
chmod 600 "$dir/ring/g00001-e00001.key"
mv "$dir/ring/reset.secret" "$dir/reset.secret"
says "no key of stateless resets" 1 'no reset.secret.*aetherctl keys init' "$D" -c "$dir/keys.yaml"
mv "$dir/reset.secret" "$dir/ring/reset.secret"
# The keys are known here: no 8 bytes of a token key, of its AES round keys or of its text, in a core dump.
if command -v gcore >/dev/null && [ -x "$B/secrets" ]; then
	: >"$dir/out"
	"$D" -c "$dir/keys.yaml" >"$dir/out" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q protection "$dir/out" && break
		sleep 0.1
	done
	gcore -o "$dir/core" "$pid" >"$dir/gcore" 2>&1
	"$B/secrets" --find "$dir/core.$pid" "$dir"/ring/*.key "$dir/ring/reset.secret" >>"$dir/out" 2>&1
	verdict "a core dump holds no token key" $?
	kill -TERM "$pid"
	wait "$pid"
	tail -c 20 "$dir/ring/g00001-e00001.key" >>"$dir/core.$pid"
	! "$B/secrets" --find "$dir/core.$pid" "$dir"/ring/*.key >/dev/null 2>&1
	verdict "a part of one is found (control)" $?
	rm -f "$dir/core.$pid"
fi
printf '%s\nkeys: {dir: %s, group: 2}\n' "$least" "$dir/ring" >"$dir/group2.yaml"
says "keys of another group" 1 'group 2 has no current epoch' "$D" -c "$dir/group2.yaml"

# ---- control socket and audit log ----
printf 'x\n' >"$dir/other.log"
printf '%s\nkeys: {ephemeral: true}\naudit: {file: %s}\n' "$least" "$dir/other.log" >"$dir/audit.yaml"
chmod 600 "$dir/other.log"
says "an audit log that is another file" 1 'audit: .*none of ours' "$D" -c "$dir/audit.yaml"
chmod 644 "$dir/other.log"
says "an audit log that others can read" 1 'audit: .*chmod 600' "$D" -c "$dir/audit.yaml"
printf '%s\nkeys: {ephemeral: true}\naudit: {file: %s}\n' "$least" "$dir/none/audit.log" >"$dir/audit.yaml"
says "an audit log without its folder" 1 'audit: .*cannot be opened' "$D" -c "$dir/audit.yaml"
printf '%s\nkeys: {ephemeral: true}\ncontrol: {socket: %s}\n' "$least" "$dir/other.log" >"$dir/socket.yaml"
says "a socket that is another file" 1 'control: .*is not a socket' "$D" -c "$dir/socket.yaml"
printf '%s\nkeys: {ephemeral: true}\ncontrol: {socket: %s}\n' "$least" "$dir/none/sock" >"$dir/socket.yaml"
says "a socket without its folder" 1 'control: .*cannot be opened' "$D" -c "$dir/socket.yaml"

cat >"$dir/full.yaml" <<END
$least
keys: {dir: $dir/ring}
control: {socket: $dir/sock}
audit: {file: $dir/audit.log}
END
start() {
	: >"$dir/log"
	"$D" -c "$dir/full.yaml" >"$dir/log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q protection "$dir/log" && break
		sleep 0.1
	done
}
start
grep -q 'keys: group 1, epoch 1' "$dir/log"
verdict "the start line names group and epoch" $?
says "a second one on the same socket" 1 'control: .*Another program listens|audit: Another program' "$D" -c "$dir/full.yaml"
[ "$(stat -c %a "$dir/sock" "$dir/audit.log" | tr '\n' ' ')" = '600 600 ' ]
verdict "socket and audit log are for their owner alone" $?
kill -KILL "$pid" # a socket stays behind
wait "$pid" 2>/dev/null
[ -S "$dir/sock" ] && printf '{"seq":9,"ti' >>"$dir/audit.log"
start
grep -q protection "$dir/log"
verdict "the socket of a dead process is replaced" $?
grep -q 'the last line of the audit log was torn: 12 bytes' "$dir/log"
verdict "a torn line of the audit log is said" $?
mv "$dir/audit.log" "$dir/audit.log.1"
kill -HUP "$pid"
for _ in $(seq 50); do
	[ -s "$dir/audit.log" ] && break
	sleep 0.1
done
[ -s "$dir/audit.log" ] && kill -0 "$pid"
verdict "SIGHUP opens the audit log again" $?
says "the control socket answers" 0 '^aetherflowd [0-9]' "$C" --socket "$dir/sock" version
kill -TERM "$pid"
wait "$pid"
verdict "it ends with status 0" $?
pid=
[ ! -e "$dir/sock" ]
verdict "no socket is left" $?
"$C" audit verify "$dir/audit.log.1" "$dir/audit.log" >"$dir/out" 2>&1
verdict "the audit log of both runs and files is one chain" $?
grep -q '12 torn bytes' "$dir/out"
verdict "with a record of what was torn" $?
for event in start configuration audit_gap; do
	grep -q "\"event\":\"$event\"" "$dir/audit.log.1"
	verdict "the audit log has: $event" $?
done
for event in audit_reopened stop; do
	grep -q "\"event\":\"$event\"" "$dir/audit.log"
	verdict "the audit log has: $event" $?
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
