#!/usr/bin/env bash
# quantum-cat from the outside: files both ways, its own errors, nothing left behind.
# Usage: B=BUILD_FOLDER tests/cli/quantum-cat.sh     Exit status: 0 when nothing failed.
# BYTES=100M sets the size of the large transfer.
set -u
B=${B:-build/test}
BYTES=${BYTES:-20M}
cat=$B/quantum-cat
passed=0 failed=0
dir=$(mktemp -d)
ring=(--ring "$dir/ring")
pids=()
cleanup() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT

ok() { # name, status: 0 passes
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $1"
		tail -n 20 "$dir"/err* 2>/dev/null
		failed=$((failed + 1))
	fi
}

# Start a listener with the given options; its port is in $port, its process in $listener.
listen() { # name, options...
	local log=$dir/err-$1
	shift
	: >"$log"
	"$cat" --listen "${ring[@]}" "$@" 127.0.0.1:0 2>"$log" &
	listener=$!
	pids+=("$listener")
	port=
	for _ in $(seq 100); do
		port=$(sed -n 's/.*listening at port //p' "$log")
		[ -z "$port" ] || return 0
		sleep 0.05
	done
}

refuses() { # name, expected status, expected text, options...
	local name=$1 want=$2 text=$3
	shift 3
	timeout 20 "$cat" "$@" </dev/null >"$dir/out" 2>"$dir/err"
	local rc=$?
	[ $rc -eq "$want" ] && grep -qF -- "$text" "$dir/err" && ! grep -qi sanitizer "$dir/err"
	ok "$name (status $rc)" $?
}

# ---- nobody there: takes as long as a client tries, so it runs beside the rest ----
listen gone --echo
gone_port=$port
kill "$listener"
wait "$listener" 2>/dev/null
timeout 20 "$cat" "127.0.0.1:$gone_port" "${ring[@]}" </dev/null 2>"$dir/nobody" &
nobody=$!

# ---- files both ways ----
head -c 3000000 /dev/urandom >"$dir/a"
listen file --once --out "$dir/b"
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" --in "$dir/a" 2>"$dir/err"
ok "a file arrives" $?
wait "$listener"
ok "the listener of --once ends well" $?
cmp -s "$dir/a" "$dir/b"
ok "the file is the same" $?

listen pipe --once --out "$dir/b"
{ echo one; sleep 0.2; echo two; } | timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" --channel 7 2>"$dir/err"
ok "a slow pipe is sent until it ends" $?
wait "$listener"
[ "$(cat "$dir/b")" = $'one\ntwo' ]
ok "its lines arrive" $?

listen empty --once --out "$dir/b"
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" </dev/null 2>"$dir/err" && wait "$listener" && [ ! -s "$dir/b" ]
ok "an empty input is delivered as nothing" $?

listen closed --once --out "$dir/b"
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" <&- 2>"$dir/err" && wait "$listener" && [ ! -s "$dir/b" ]
ok "a closed input is delivered as nothing" $?

listen server --once --discard --in "$dir/a"
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" --linger 1 --out "$dir/b" </dev/null 2>"$dir/err"
cmp -s "$dir/a" "$dir/b"
ok "a file of the listener arrives" $?

listen echo --echo --discard
timeout 60 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes "$BYTES" --verify-sha256 --discard --stats 2>"$dir/err"
ok "$BYTES both ways, SHA-256 equal" $?
sed -n "s|^quantum-cat: \(.* MB/s.*\)|figure: loopback $BYTES both ways: \1|p" "$dir/err" | head -n 1
timeout 60 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes 5M --verify-sha256 --discard --drop 5% --seed 3 2>"$dir/err"
ok "5 MB both ways with 5 % of the datagrams dropped" $?
timeout 60 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes 1M --message-bytes 64 --verify-sha256 --discard 2>"$dir/err"
ok "1 MB in messages of 64 bytes" $?
for i in 1 2 3; do
	timeout 60 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes 3M --verify-sha256 --discard --seed "$i" 2>"$dir/err-$i" &
	pids+=($!)
	many[i]=$!
done
wait "${many[1]}" && wait "${many[2]}" && wait "${many[3]}"
ok "three clients at once" $?
[ "$(stat -c %a "$dir/ring")" = 700 ] && [ -z "$(find "$dir/ring" -type f ! -perm 600)" ]
ok "the keys that it made are nobody else's to read" $?
kill -TERM "$listener" && wait "$listener"
ok "the listener ends at SIGTERM" $?

# ---- tickets ----
: >"$dir/err-own"
"$cat" --listen --echo --discard 127.0.0.1:0 2>"$dir/err-own" &
own=$!
pids+=("$own")
printed() { # number of tickets to wait for; the last one is in $ticket
	local lines=()
	for _ in $(seq 100); do
		mapfile -t lines < <(sed -n 's/^quantum-cat: ticket //p' "$dir/err-own")
		[ ${#lines[@]} -lt "$1" ] || break
		sleep 0.05
	done
	ticket=${lines[-1]:-}
	[ ${#lines[@]} -eq "$1" ]
}
printed 1
ok "a listener without a ring prints a ticket" $?
port=$(sed -n 's/.*listening at port //p' "$dir/err-own")
timeout 30 "$cat" "127.0.0.1:$port" --ticket "$ticket" --bytes 100k --verify-sha256 --discard 2>"$dir/err"
ok "the ticket opens a connection" $?
used=$ticket
printed 2
ok "then there is another one" $?
echo "$ticket" >"$dir/ticket"
timeout 30 "$cat" "127.0.0.1:$port" --ticket-file "$dir/ticket" --bytes 100k --verify-sha256 --discard 2>"$dir/err"
ok "a ticket in a file opens a connection" $?
timeout 30 "$cat" "127.0.0.1:$port" --ticket "$used" --bytes 1k --verify-sha256 --discard >"$dir/err" 2>&1 &
reused=$!
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes 1k --verify-sha256 --discard >"$dir/err-foreign" 2>&1
[ $? -eq 1 ] && grep -q 'no answer\|refused' "$dir/err-foreign"
ok "a ticket of other keys opens nothing" $?
wait "$reused"
[ $? -eq 1 ]
ok "a used ticket opens nothing" $?

# A live end that connected, from the outside: neither the ticket nor its secret is in a core dump.
if command -v gcore >/dev/null; then
	printed 3
	held=$ticket
	mkfifo "$dir/hold"
	"$cat" "127.0.0.1:$port" --ticket "$held" --discard <"$dir/hold" 2>"$dir/err" &
	holder=$!
	exec 8>"$dir/hold"
	printed 4 # it is connected
	gcore -o "$dir/core" "$holder" >"$dir/gcore" 2>&1
	python3 - "$held" "$dir/core.$holder" <<-'END'
	import base64, sys
	text, raw = sys.argv[1], base64.urlsafe_b64decode(sys.argv[1][4:])
	core = open(sys.argv[2], "rb").read()
	needles = [raw[188 + i:196 + i] for i in range(25)] + [text[4:].encode()[i:i + 16] for i in range(0, 300, 16)]
	sys.exit(len(core) < 100000 or any(n in core for n in needles))
	END
	ok "a core dump holds neither ticket nor secret" $?
	exec 8>&-
	wait "$holder"
	rm -f "$dir/core.$holder"
fi
kill "$own"

listen reload --echo --discard
kill -HUP "$listener"
for _ in $(seq 100); do
	grep -q 'keys read again, current epoch 1' "$dir/err-reload" && break
	sleep 0.05
done
grep -q 'keys read again, current epoch 1' "$dir/err-reload"
ok "SIGHUP reads the keys again" $?
timeout 30 "$cat" "127.0.0.1:$port" "${ring[@]}" --bytes 1k --verify-sha256 --discard 2>"$dir/err"
ok "it goes on serving" $?
chmod 755 "$dir/ring" && chmod 644 "$dir"/ring/*.key
refuses "keys that others can read" 1 'chmod' "${ring[@]}" 127.0.0.1:1
chmod 700 "$dir/ring" && chmod 600 "$dir"/ring/*.key

# ---- errors ----
refuses "unknown option" 2 'no option "--foo"' --foo 127.0.0.1:1
refuses "option without value" 2 'needs a value' 127.0.0.1:1 --channel
refuses "no address" 2 'HOST:PORT'
refuses "two addresses" 2 'one address too many' a:1 b:2
refuses "bad number" 2 '--channel must be' --channel 65536 127.0.0.1:1
refuses "bad size" 2 '--bytes must be' --bytes 5Q 127.0.0.1:1
refuses "bad share" 2 '--drop must be' --drop much 127.0.0.1:1
refuses "no ticket" 2 'a connection needs a ticket' 127.0.0.1:1
refuses "two tickets" 2 'a connection needs a ticket' "${ring[@]}" --ticket x 127.0.0.1:1
refuses "a ticket to listen" 2 'for the end that connects' --listen --ticket x 127.0.0.1:1
refuses "bad group" 2 '--group must be' "${ring[@]}" --group 65536 127.0.0.1:1
refuses "no such keys" 1 'aetherctl' --ring "$dir/none" 127.0.0.1:1
refuses "no such group" 1 'quantum-cat: ' "${ring[@]}" --group 9 127.0.0.1:1
refuses "bad mix" 2 '--echo goes with --listen' --echo 127.0.0.1:1
refuses "address without port" 1 'host:port' "${ring[@]}" 127.0.0.1
refuses "port 0 to dial" 1 'a port from 1 to 65535' "${ring[@]}" 127.0.0.1:0
refuses "signed port" 1 'host:port' "${ring[@]}" 127.0.0.1:+5
! "$cat" --help >/dev/full 2>"$dir/err" && grep -q 'cannot be written' "$dir/err"
ok "help to a full device" $?
refuses "unknown host" 1 'no host is known' "${ring[@]}" name.invalid:5
refuses "missing input file" 1 'cannot open' "${ring[@]}" --in "$dir/none" 127.0.0.1:1
refuses "unwritable output" 1 'cannot open' "${ring[@]}" --out "$dir" 127.0.0.1:1
refuses "damaged ticket" 1 'ticket is damaged' --ticket qt1.abc 127.0.0.1:1
wait "$nobody"
[ $? -eq 1 ] && grep -q "nothing listens at 127.0.0.1:$gone_port" "$dir/nobody"
ok "nobody there" $?
refuses "time-out" 1 '--timeout' --listen 127.0.0.1:0 --timeout 1
listen busy --echo
refuses "busy port" 1 'in use' --listen "127.0.0.1:$port"
"$cat" --help | grep -q -- --verify-sha256 && "$cat" --version | grep -q "^quantum-cat "
ok "help and version" $?

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
