# shellcheck shell=bash
# Sourced by the scripts of tests/lab: namespaces and veth pairs that go away with the script, counting,
# the offloads that a software checksum cannot live with, waiting for lines in a log.
# Needs root. $B is the build folder.

B=${B:-build/release}
passed=0 failed=0 skipped=0
dir=$(mktemp -d)
tag=aef$$
spaces=()
pids=()

cleanup() {
	local p n
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${pids[@]}"; do
		for _ in $(seq 50); do
			kill -0 "$p" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$p" 2>/dev/null
	done
	for n in "${spaces[@]}"; do ip netns del "$n" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

pass() { # name
	echo "PASS $1"
	passed=$((passed + 1))
}

fail() { # name, log files...
	echo "FAIL $1"
	shift
	local f
	for f in "$@"; do
		echo "---- $(basename "$f")"
		tail -n 25 "$f"
	done
	failed=$((failed + 1))
}

check() { # name, status, log files...
	if [ "$2" -eq 0 ]; then pass "$1"; else fail "$1 (status $2)" "${@:3}"; fi
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ]
	exit
}

require_root() {
	if [ "$(id -u)" -ne 0 ] || ! ip netns add "$tag-probe" 2>"$dir/netns"; then
		echo "skip: network namespaces need root: $(cat "$dir/netns" 2>/dev/null)"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	ip netns del "$tag-probe"
}

space() { # name: make namespace $tag-name with a loopback
	ip netns add "$tag-$1"
	spaces+=("$tag-$1")
	ip -n "$tag-$1" link set lo up
}

run_in() { # name, command...
	ip netns exec "$tag-$1" "${@:2}"
}

# A veth pair between two namespaces, without offloads: what is computed is computed in software.
wire() { # space-1 interface-1 space-2 interface-2
	ip link add "$tag$2" type veth peer name "$tag$4"
	ip link set "$tag$2" netns "$tag-$1" name "$2"
	ip link set "$tag$4" netns "$tag-$3" name "$4"
	local s i
	for s in "$1 $2" "$3 $4"; do
		i=${s#* } s=${s% *}
		run_in "$s" sysctl -qw "net.ipv6.conf.$i.accept_dad=0" 2>/dev/null
		run_in "$s" ethtool -K "$i" rx off tx off sg off tso off gso off gro off \
			tx-udp-segmentation off >/dev/null 2>&1
		ip -n "$tag-$s" link set "$i" up
	done
}

# The kernel has nothing to say on this interface: no address, no IPv6 of its own.
silent() { # space interface
	run_in "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1" 2>/dev/null
	ip -n "$tag-$1" addr flush dev "$2"
}

offloads_off() { # space interface
	! run_in "$1" ethtool -k "$2" |
		grep -E '^(rx-checksumming|tx-checksumming|tcp-segmentation-offload|generic-segmentation-offload|generic-receive-offload|tx-udp-segmentation): on'
}

start() { # log, command...: in the background; its process in $started
	local log=$1
	shift
	"$@" >"$log" 2>&1 &
	started=$!
	pids+=("$started")
}

wait_line() { # log, pattern, tenths of a second
	local i
	for i in $(seq "$3"); do
		grep -qE "$2" "$1" 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

stop() { # process: SIGTERM and wait
	kill -TERM "$1" 2>/dev/null
	wait "$1"
}

# quantum-cat both ways against an echo, with the figure it prints.
transfer() { # name, space, address, bytes, seconds, more options...
	local name=$1 log=$dir/cat-$((passed + failed)).log rc
	timeout $(($5 + 20)) ip netns exec "$tag-$2" "$B/quantum-cat" "$3" --bytes "$4" --verify-sha256 \
		--discard --stats --timeout "$5" "${@:6}" >"$log" 2>&1
	rc=$?
	[ $rc -ne 0 ] || grep -q '^quantum-cat: equal$' "$log" || rc=1
	check "$name: $4 both ways, SHA-256 equal" $rc "$log"
	sed -n "s|^quantum-cat: \([0-9.]* s, sent .*\)|figure: $name: \1|p; s|^quantum-cat: \(srtt .*\)|note: \1|p; s|^quantum-cat: \(datagrams sent .*\)|note: \1|p" "$log"
}
