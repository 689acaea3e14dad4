#!/usr/bin/env bash
# quantum-cat over kernel UDP talks to aetherflowd on net_af_packet, in two network namespaces:
#
#   direct      [ns a] va 10.98.0.2 ======= veth ======= vb (no kernel address) [ns b] aetherflowd 10.98.0.1
#   emulated    [ns a] ea 10.95.0.2 === veth === la |aether-link| lb === veth === eb [ns b] aetherflowd 10.95.0.1
#
# The appliance's ends have no kernel address: its own code answers ARP, neighbour solicitation and ping, and
# verifies every checksum in software; packets with a wrong one are counted. Checksum and segmentation
# offloads of the kernel are off. The second path delays by 10 ms and loses 2 % each way.
# Usage: B=BUILD_FOLDER BYTES=100M tests/lab/appliance.sh     needs root; ends within 6 minutes
set -u
# shellcheck source=tests/lab/lib/topology.bash
. "$(dirname "$0")/lib/topology.bash"
BYTES=${BYTES:-100M}
require_root

space a
space b
space l
wire a va b vb
wire a ea l la
wire l lb b eb
ip -n "$tag-a" addr add 10.98.0.2/24 dev va
ip -n "$tag-a" addr add fd00:98::2/64 dev va nodad
ip -n "$tag-a" addr add 10.95.0.2/24 dev ea
silent b vb
silent b eb
silent l la
silent l lb
offloads_off a va && offloads_off b vb && offloads_off a ea && offloads_off b eb
check "offloads are off" $?
[ -z "$(ip -n "$tag-b" -o addr show dev vb)" ] && [ -z "$(ip -n "$tag-b" -o addr show dev eb)" ]
check "the appliance's ends have no kernel address" $?

# ---- aetherflowd on one interface; its process in $started ----
appliance() { # name, interface, ipv4, ipv6 or "", section keys
	local conf=$dir/$1.yaml
	{
		echo "dpio:"
		echo "  hugepages: never"
		echo "  memory_mb: 512"
		echo "  mbufs: 32768"
		echo "  ports:"
		echo "    - name: $2"
		echo "      device: net_af_packet0,iface=$2,qpairs=1,blocksz=4096,framesz=2048,framecnt=4096"
		echo "      ipv4: $3/24"
		[ -z "$4" ] || echo "      ipv6: $4/64"
		echo "      checksum: software"
		echo "      udp_port: 4433"
		echo "keys: $5"
		echo "control: {socket: $dir/$1.sock}"
		echo "audit: {file: $dir/$1.audit}"
		echo "worker:"
		echo "  service: echo"
	} >"$conf"
	"$B/aetherflowd" --check "$conf" >"$dir/$1.check" 2>&1
	check "the configuration of $1 is good" $? "$dir/$1.check"
	start "$dir/$1.log" ip netns exec "$tag-b" "$B/aetherflowd" --config "$conf" --stats 60
	wait_line "$dir/$1.log" "port $2" 150
	check "aetherflowd starts on net_af_packet ($1)" $? "$dir/$1.log"
}

# A token that must not open a connection; it is not answered, so the client gives up.
refused() { # name, file of the token
	local log=$dir/refused-$((passed + failed)).log
	run_in a timeout 20 "$B/quantum-cat" 10.98.0.1:4433 --bytes 1k --verify-sha256 --discard --timeout 3 \
		--ticket-file "$2" >"$log" 2>&1
	[ $? -eq 1 ]
	check "$1" $? "$log"
}

# The last value of a counter that aetherflowd printed.
counter() { # log, name
	sed -n "s/.*\b$2[^0-9]*\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1
}

"$B/aetherctl" keys init --ring "$dir/ring" >"$dir/keys.log" 2>&1
check "aetherctl makes token keys" $? "$dir/keys.log"
appliance direct vb 10.98.0.1 fd00:98::1 "{dir: $dir/ring}"
direct=$started
run_in a ping -c 3 -i 0.3 -W 2 10.98.0.1 >"$dir/ping.log" 2>&1
check "our code answers ARP and ping" $? "$dir/ping.log" "$dir/direct.log"
run_in a ping -c 3 -i 0.3 -W 2 -s 1400 10.98.0.1 >"$dir/ping.log" 2>&1
check "our code answers a ping of 1400 bytes" $? "$dir/ping.log"
run_in a ping -6 -c 3 -i 0.3 -W 2 fd00:98::1 >"$dir/ping.log" 2>&1
check "our code answers neighbour solicitation and ping over IPv6" $? "$dir/ping.log"
[ "$(ip -n "$tag-a" neigh show 10.98.0.1 dev va | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p')" = \
	"$(ip -n "$tag-b" -o link show vb | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')" ]
check "the answer named the interface's own address" $?

run_in a "$B/badsum" 10.98.0.1 4433 7 >"$dir/badsum.log" 2>&1
check "seven packets with a wrong checksum leave" $? "$dir/badsum.log"
transfer "aetherflowd direct" a 10.98.0.1:4433 "$BYTES" 90 --ring "$dir/ring"
transfer "aetherflowd direct, IPv6" a '[fd00:98::1]:4433' 10M 30 --ring "$dir/ring"
"$B/aetherctl" token --ring "$dir/ring" --life 120 --out "$dir/once" >"$dir/keys.log" 2>&1 &&
	"$B/aetherctl" token --ring "$dir/ring" --life 120 --out "$dir/old" >"$dir/keys.log" 2>&1
check "two tokens" $? "$dir/keys.log"
transfer "aetherflowd direct, one token" a 10.98.0.1:4433 1M 30 --ticket-file "$dir/once"
refused "the same token again" "$dir/once"
# A connection that exists outlives the key of its token [Q-10.5].
start "$dir/live.log" ip netns exec "$tag-a" "$B/quantum-cat" 10.98.0.1:4433 --bytes 30M --verify-sha256 --discard --timeout 60 \
	--ring "$dir/ring"
live=$started
sleep 0.5
"$B/aetherctl" --socket "$dir/direct.sock" keys revoke 1 >"$dir/keys.log" 2>&1
check "the key is revoked" $? "$dir/keys.log"
refused "a token of the revoked key" "$dir/old"
wait "$live" && grep -q '^quantum-cat: equal$' "$dir/live.log"
check "a connection under way is not disturbed" $? "$dir/live.log"
transfer "aetherflowd direct, a new key" a 10.98.0.1:4433 1M 30 --ring "$dir/ring"
stop "$direct"
check "aetherflowd ends well" $? "$dir/direct.log"
[ "$(counter "$dir/direct.log" drop_bad_udp_csum)" = 7 ]
check "the seven were counted, and no other" $? "$dir/direct.log"
"$B/aetherctl" audit verify "$dir/direct.audit" >"$dir/keys.log" 2>&1
check "the audit log is good" $? "$dir/keys.log"
for event in 'keys_revoked","group":1,"revoked":1,"epoch":2' 'token_reused","from":"10.98.0.2:[0-9]*","proven":"yes","group":1,"epoch":1' \
	'token_revoked","from":"10.98.0.2:[0-9]*","proven":"[a-z]*","group":1,"epoch":1'; do
	grep -q "\"event\":\"$event," "$dir/direct.audit"
	check "the audit log says $event" $? "$dir/direct.audit"
done
! grep -rlF -e "$(head -c 100 "$dir/once")" "$dir/direct.audit" "$dir/direct.log"
check "no token is in it" $? "$dir/direct.audit"

start "$dir/link.log" ip netns exec "$tag-l" "$B/aether-link" --left la --right lb --delay 10ms --loss 2% --seed 11
link=$started
appliance emulated eb 10.95.0.1 "" "{ephemeral: true}"
emulated=$started
run_in a ping -c 5 -i 0.3 -W 2 10.95.0.1 >"$dir/ping.log" 2>&1
check "ping through the emulated link" $? "$dir/ping.log" "$dir/link.log"
(umask 077 && "$B/aetherctl" --socket "$dir/emulated.sock" token issue life=60 >"$dir/token") 2>"$dir/keys.log"
check "a token over the control socket" $? "$dir/keys.log"
transfer "aetherflowd, 10 ms, 2 % loss" a 10.95.0.1:4433 "$BYTES" 150 --ticket-file "$dir/token"
stop "$emulated"
check "aetherflowd ends well behind the link" $? "$dir/emulated.log"
stop "$link"
check "the emulator ends well" $? "$dir/link.log"
finish
