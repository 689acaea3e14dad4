#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# aetherctl from the outside: keys and tokens on a folder, audit logs, the control socket of a running program,
# and a sentence with the right exit code for everything that can be wrong.
# Usage: B=BUILD_FOLDER tests/cli/aetherctl.sh     Exit status: 0 when nothing failed.
set -u
B=${B:-build/test}
C=$B/aetherctl
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
unset AETHERFLOW_SOCKET

# ---- usage ----
says "the version" 0 '^aetherctl [0-9]' "$C" --version
for topic in '' keys token audit; do
	# shellcheck disable=SC2086 # no topic is no word
	"$C" $topic --help >"$dir/out" 2>&1 && grep -q "^Usage: aetherctl $topic" "$dir/out"
	verdict "help about '$topic'" $?
done
says "no command" 2 'a command is missing; see aetherctl --help' "$C"
says "an unknown option" 2 "unknown option '--foo'" "$C" --foo
says "an option without its value" 2 "a value is missing after '--ring'" "$C" keys list --ring
says "a group that is none" 2 "group wants a number from 0 to 65535, not 'x'" "$C" keys list --ring r --group x
says "a group too large" 2 'group wants a number' "$C" keys list --ring r --group 65536
says "a time-out that is none" 2 'timeout wants a number from 1 to 600' "$C" --timeout 0 version
says "keys without a folder" 2 'ring DIR is missing; see aetherctl keys --help' "$C" keys init
says "a token without a folder" 2 'ring DIR is missing; see aetherctl token --help' "$C" token
says "an unknown verb" 2 'keys with --ring wants init' "$C" keys burn --ring "$dir/ring"
says "a verb with a word too many" 2 'keys with --ring wants init' "$C" keys list all --ring "$dir/ring"
says "revoke without an epoch" 2 'revoke EPOCH' "$C" keys revoke --ring "$dir/ring"
says "revoke of no epoch" 2 "'x' is no epoch" "$C" keys revoke x --ring "$dir/ring"
says "options of a token elsewhere" 2 'are for aetherctl token' "$C" keys list --ring "$dir/ring" --json
says "a command of the program, with a folder" 2 'with --ring it is .aetherctl token., without .issue.' "$C" token issue --ring "$dir/ring"
says "a folder elsewhere" 2 'ring is for aetherctl keys and token' "$C" version --ring "$dir/ring"
says "a life too long" 2 "life, in seconds, must be a number from 1 to 120" "$C" token --ring r --life 121
says "a bad address" 2 'addr has bits beyond its prefix' "$C" token --ring r --addr 10.0.0.1/8
says "a bad tenant" 2 'tenant must be a GUUID' "$C" token --ring r --tenant 7
says "verify without a file" 2 'audit verify wants a file' "$C" audit verify
says "nobody there" 1 'No program listens on .*none; start it' "$C" --socket "$dir/none" version

# ---- a folder of keys ----
R=$dir/ring
says "list without a folder" 1 'there is no key-ring folder' "$C" keys list --ring "$R"
says "a token without its folder" 1 'there is no key-ring folder' "$C" token --ring "$R"
says "init" 0 '^group 1: epoch 1 is current$' "$C" keys init --ring "$R"
says "init once more" 1 'aetherctl keys add' "$C" keys init --ring "$R"
says "init of another group" 0 '^group 7: epoch 1 is current$' "$C" keys init --ring "$R" --group 7
[ "$(stat -c %a "$R")" = 700 ] && [ -z "$(find "$R" -type f ! -perm 0600)" ]
verdict "the folder is 0700, its files 0600" $?
says "promote without a next key" 1 'aetherctl keys add' "$C" keys promote --ring "$R"
says "add" 0 '^group 1: epoch 2 is ready' "$C" keys add --ring "$R"
says "add twice" 1 'there already' "$C" keys add --ring "$R"
says "promote" 0 '^group 1: epoch 2 is current$' "$C" keys promote --ring "$R"
"$C" keys list --ring "$R" >"$dir/out" 2>&1
printf 'group 1 epoch 1 ready\ngroup 1 epoch 2 current\ngroup 7 epoch 1 current\n' | cmp -s - "$dir/out"
verdict "list" $?
says "revoke of the current epoch" 0 'epoch 2 is revoked; .* keys reload' "$C" keys revoke 2 --ring "$R"
"$C" keys list --ring "$R" >"$dir/out" 2>&1
grep -q '^group 1 epoch 2 revoked$' "$dir/out" && grep -q '^group 1 epoch 3 current$' "$dir/out"
verdict "the next epoch is current then" $?
says "revoke of an epoch that is not there" 1 'no key of epoch 9' "$C" keys revoke 9 --ring "$R"
chmod 750 "$R"
says "a folder that others may enter" 1 'mode 0750.*chmod 0700' "$C" keys list --ring "$R"
says "a token of such a folder" 1 'mode 0750.*chmod 0700' "$C" token --ring "$R"
chmod 700 "$R"
says "a group that is not there" 1 'group 3 has no current epoch' "$C" token --ring "$R" --group 3
grep -rlE '[0-9a-f]{64}' "$dir" --include=out
verdict "no key was printed" $((1 - $?))

# ---- tokens ----
says "a token" 0 '^qt1\.[A-Za-z0-9_-]{320}$' "$C" token --ring "$R"
cp "$dir/out" "$dir/first"
"$C" token --ring "$R" >"$dir/out"
! cmp -s "$dir/first" "$dir/out"
verdict "two tokens differ" $?
says "a token as JSON" 0 '^\{"ticket":"qt1\.[^"]*","session_id":"0190f3c2-7b1e-7000-8000-0123456789ab","conn_id":"[0-9a-f-]{36}","expires_ms":[0-9]+,"group":7,"epoch":1\}$' \
	"$C" token --ring "$R" --group 7 --json --life 5 --session 0190f3c2-7b1e-7000-8000-0123456789ab \
	--tenant 0190f3c2-7b1e-7000-8000-0123456789ac --addr 2001:db8::/32 --max-kbps 100 --max-pps 10 --max-docs 2
now=$(date +%s%3N)
expires=$(sed 's/.*"expires_ms":\([0-9]*\).*/\1/' "$dir/out")
[ "$expires" -gt $((now - 60000)) ] && [ "$expires" -lt $((now + 6000)) ]
verdict "it expires when asked" $?
(umask 0 && "$C" token --ring "$R" --out "$dir/token") >"$dir/out" 2>&1 && [ ! -s "$dir/out" ] && [ "$(stat -c '%a %s' "$dir/token")" = '600 325' ]
verdict "a token into a file of its own, 0600" $?
chmod 644 "$dir/token"
"$C" token --ring "$R" --out "$dir/token" >"$dir/out" 2>&1 && [ "$(stat -c '%a %s' "$dir/token")" = '600 325' ]
verdict "a file that others can read is replaced" $?
says "a file where none can be" 1 'cannot be made' "$C" token --ring "$R" --out "$dir/none/token"
says "a full disk" 1 'could not be written' bash -c "'$C' token --ring '$R' >/dev/full"
says "too little memory to lock" 1 'ulimit -l' bash -c "ulimit -l 0; setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock '$C' token --ring '$R'"

# ---- a running program ----
cat >"$dir/conf.yaml" <<END
dpio: {hugepages: never, ports: [{name: p0, device: net_ring0, ipv4: 10.1.0.1/24}]}
keys: {dir: $R}
control: {socket: $dir/sock}
audit: {file: $dir/audit.log}
END
start() {
	: >"$dir/log"
	"$D" -c "$dir/conf.yaml" >"$dir/log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q protection "$dir/log" && return
		sleep 0.1
	done
}
stop() {
	kill -TERM "$pid"
	wait "$pid"
	pid=
}
start
export AETHERFLOW_SOCKET=$dir/sock
says "its version" 0 '^aetherflowd [0-9]' "$C" version
"$C" help >"$dir/out" 2>&1 && for command in version metrics 'show stats' 'keys show' 'keys reload' 'keys revoke' \
	'token issue' 'audit show' 'audit reopen' 'shutdown now'; do
	grep -q "^  $command" "$dir/out"
	verdict "help knows $command" $?
done
says "an unknown command" 1 "Unknown command 'nosuch'" "$C" nosuch
says "a command that is too long" 2 'at most 511 bytes' "$C" "$(printf 'x%.0s' {1..600})"
says "a wrong epoch" 1 "'x' is no epoch" "$C" keys revoke x
says "an epoch that it does not have" 1 'no key of epoch 9' "$C" keys revoke 9
says "no token while there is a folder" 1 "aetherctl token --ring $R" "$C" token issue
says "a metric that is not there" 1 "No metric begins with 'zzz'" "$C" metrics zzz
says "a shutdown that is not meant" 1 'shutdown now' "$C" s x
"$C" metrics control_requests_total >"$dir/out" 2>&1 && grep -qE '^control_requests_total [0-9]+$' "$dir/out"
verdict "a metric" $?
"$C" metrics >"$dir/out" 2>&1 && [ "$(wc -l <"$dir/out")" -gt 50 ]
verdict "all metrics" $?
"$C" show stats >"$dir/out" 2>&1 && grep -q '^transport lcore 0:' "$dir/out"
verdict "statistics" $?
"$C" keys add --ring "$R" >"$dir/out" 2>&1 && "$C" keys promote --ring "$R" >"$dir/out" 2>&1 &&
	"$C" keys show >"$dir/out" 2>&1 && grep -q 'current epoch 3$' "$dir/out"
verdict "a folder that changed changes nothing yet" $?
"$C" keys reload >"$dir/out" 2>&1 && grep -q 'current epoch 4$' "$dir/out" && grep -q '^epoch 3: ready$' "$dir/out"
verdict "keys reload" $?
mv "$R/g00001.current" "$dir/current"
says "a folder that is broken changes nothing" 1 'The keys stay as they were: .*no current epoch' "$C" keys reload
mv "$dir/current" "$R/g00001.current"
"$C" keys show >"$dir/out" 2>&1 && grep -q 'current epoch 4$' "$dir/out"
verdict "they stay, indeed" $?
"$C" keys revoke 4 >"$dir/out" 2>&1 && grep -q 'current epoch 5$' "$dir/out" && grep -q '^epoch 4: revoked$' "$dir/out"
verdict "keys revoke of the current epoch" $?
[ -f "$R/g00001-e00004.revoked" ] && [ ! -f "$R/g00001-e00004.key" ] && [ "$(cat "$R/g00001.current")" = 5 ]
verdict "it is revoked on disk, too" $?
"$C" audit show >"$dir/out" 2>&1
last=$(sed -n 's/^last hash //p' "$dir/out")
"$C" audit verify "$dir/audit.log" >"$dir/out" 2>&1 && grep -q "^last hash $last$" "$dir/out"
verdict "audit verify ends with the hash that audit show says" $?
for event in 'keys_reloaded","group":1,"epoch_before":3,"epoch":4,"result":"done"' \
	'keys_reloaded","group":1,"epoch_before":4,"epoch":4,"result":"notfound"' \
	'keys_revoked","group":1,"revoked":4,"epoch":5,"result":"done"'; do
	grep -q "\"event\":\"$event,\"uid\":$(id -u),\"pid\":[0-9]*," "$dir/audit.log"
	verdict "the audit log has: $event" $?
done
if [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups "$C" --version >"$dir/out" 2>&1; then
	says "another user" 1 'You have no right to the control socket|No program listens' \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$C" --socket "$dir/sock" version
	chmod 755 "$dir" && chmod 666 "$dir/sock"
	says "another user, with a socket that is open to all" 1 'Only root and the user of the program' \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$C" --socket "$dir/sock" version
	says "another user's keys" 1 'cannot open the key-ring folder|belongs to user' \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$C" keys list --ring "$R"
fi
says "shutdown" 0 'Closing every connection' "$C" shutdown now
wait "$pid"
verdict "it ends with status 0" $?
pid=
says "it is gone" 1 'No program listens' "$C" version
start
"$C" keys show >"$dir/out" 2>&1 && grep -q '^epoch 4: revoked$' "$dir/out" && grep -q 'current epoch 5$' "$dir/out"
verdict "a revoked epoch stays so over a restart" $?
# [Q-4.5] The key of resets is the same after a restart, and another on a node with a copy of the folder.
reset_key() { "$C" keys show 2>"$dir/out" | sed -n 's/^reset key //p'; }
key=$(reset_key)
stop
start
[ ${#key} -eq 8 ] && [ "$(reset_key)" = "$key" ]
verdict "the reset key is the same after a restart" $?
stop
cp -a "$R" "$dir/copy"
cp "$dir/conf.yaml" "$dir/first.yaml"
sed -i -e 's/10.1.0.1/10.1.0.2/' -e "s|{dir: $R}|{dir: $dir/copy}|" "$dir/conf.yaml"
start
[ -n "$(reset_key)" ] && [ "$(reset_key)" != "$key" ]
verdict "a node with a copy of the folder has another reset key" $?
stop
rm "$dir/copy/reset.secret"
says "init of a copy without reset.secret" 0 'its keys stay as they are; reset.secret is made' "$C" keys init --ring "$dir/copy"
cp "$dir/first.yaml" "$dir/conf.yaml"

# ---- ephemeral keys ----
sed -i 's/^keys:.*/keys: {ephemeral: true}/' "$dir/conf.yaml"
start
says "a token of the program itself" 0 '^qt1\.[A-Za-z0-9_-]{320}$' "$C" token issue life=10 addr=10.0.0.0/8
says "a token with a bad word" 1 "'life' is not name=value" "$C" token issue life
says "no folder to read again" 1 'The keys are ephemeral' "$C" keys reload
grep -q '"event":"token_issued","session":"[0-9a-f-]*",' "$dir/audit.log"
verdict "the audit log has: token_issued" $?
stop
! grep -qE 'qt1\.' "$dir/audit.log" "$dir/log"
verdict "no token is in a log" $?

# ---- audit logs ----
says "a log that is not there" 1 'cannot be opened' "$C" audit verify "$dir/none"
"$C" audit verify "$dir/audit.log" >"$dir/out" 2>&1
verdict "the log is good" $?
sed '3s/"group":1/"group":2/' "$dir/audit.log" >"$dir/bad.log"
says "a line that was changed" 1 'line 3 was changed: its hash does not fit' "$C" audit verify "$dir/bad.log"
sed 4d "$dir/audit.log" >"$dir/bad.log"
says "a line that was removed" 1 'line 4 does not follow the line before it' "$C" audit verify "$dir/bad.log"
head -c -20 "$dir/audit.log" >"$dir/bad.log"
says "a line that is torn" 1 "line $(wc -l <"$dir/audit.log") is no complete line" "$C" audit verify "$dir/bad.log"
says "another kind of file" 1 'line 1 is no complete line' "$C" audit verify "$dir/conf.yaml"
# The chain as its documentation says, by other means.
prev=$(printf '0%.0s' {1..64})
status=0
while IFS= read -r line; do
	hash=$(printf %s "${line%,\"hash\":*}" | sha256sum | cut -c 1-64)
	[[ $line == *"\"prev\":\"$prev\",\"hash\":\"$hash\"}" ]] || status=1
	prev=$hash
done <"$dir/audit.log"
verdict "sha256sum finds the same chain" $status

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
