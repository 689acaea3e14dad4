#!/usr/bin/env bash
# The example programs against quantum-cat --listen --echo on loopback.
# Usage: B=BUILD_FOLDER tests/cli/examples.sh        Exit status: 0 when nothing failed.
set -u
B=${B:-build/test}
passed=0 failed=0
dir=$(mktemp -d)
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# The listener prints a ticket, and the next one when that was used.
ticket() { # number of the ticket
	local nth=
	for _ in $(seq 100); do
		nth=$(sed -n 's/^quantum-cat: ticket //p' "$dir/server" | sed -n "$1p")
		[ -z "$nth" ] || break
		sleep 0.05
	done
	echo "$nth"
}

check() { # name, command...
	local name=$1
	shift
	if timeout 30 "$@" >"$dir/new" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAIL $name: $*"
		cat "$dir/new"
		failed=$((failed + 1))
	fi
}

: >"$dir/server"
"$B/quantum-cat" --listen --echo --discard 127.0.0.1:0 2>"$dir/server" &
server=$!
port=
for _ in $(seq 100); do
	port=$(sed -n 's/.*listening at port //p' "$dir/server")
	[ -z "$port" ] || break
	sleep 0.05
done
check "hello gets its echo" "$B/example-hello" "127.0.0.1:$port" "$(ticket 1)"
mv "$dir/new" "$dir/out"
check "hello prints it" grep -q "^channel 0, message 0: hello over Quantum$" "$dir/out"
check "channels learns what became of every message" "$B/example-channels" "127.0.0.1:$port" "$(ticket 2)"
mv "$dir/new" "$dir/out"
check "channels delivered all operations" grep -q "^operations 20 sent, 20 acknowledged, 0 expired, 20 came back$" "$dir/out"
check "output that cannot be written is said" sh -c "! '$B/example-hello' 127.0.0.1:$port '$(ticket 3)' >/dev/full 2>'$dir/err' && grep -q 'cannot be written' '$dir/err'"
check "a missing argument is refused" sh -c "! '$B/example-hello' && ! '$B/example-channels'"
check "a damaged ticket is refused" sh -c "! '$B/example-hello' 127.0.0.1:$port qt1.x 2>'$dir/err' && grep -q 'ticket is damaged' '$dir/err'"
check "a bad address is refused" sh -c "! '$B/example-hello' nowhere '$(ticket 4)' 2>'$dir/err' && grep -q 'host:port' '$dir/err'"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
