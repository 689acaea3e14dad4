#!/usr/bin/env bash
# quantum-cat talks to quantum-cat over kernel UDP between two network namespaces:
#
#   direct      [ns a] va 10.97.0.2 ======= veth ======= vb 10.97.0.1 [ns b]
#   emulated    [ns a] ea 10.96.0.2 === veth === la |aether-link| lb === veth === eb 10.96.0.1 [ns b]
#
# The second path delays by 10 ms and loses 2 % each way. Checksum and segmentation offloads are off; a kernel that
# then refuses segmented sends makes the socket layer fall back by itself (the figures count such paths).
# Usage: B=BUILD_FOLDER BYTES=100M tests/lab/kernel.sh      needs root; ends within 4 minutes
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
ip -n "$tag-a" addr add 10.97.0.2/24 dev va
ip -n "$tag-b" addr add 10.97.0.1/24 dev vb
ip -n "$tag-a" addr add fd00:97::2/64 dev va nodad
ip -n "$tag-b" addr add fd00:97::1/64 dev vb nodad
ip -n "$tag-a" addr add 10.96.0.2/24 dev ea
ip -n "$tag-b" addr add 10.96.0.1/24 dev eb
silent l la
silent l lb
offloads_off a va && offloads_off b vb
check "offloads are off" $?

start "$dir/server.log" ip netns exec "$tag-b" "$B/quantum-cat" --listen --echo --discard --stats --ring "$dir/ring" '[::]:4433'
server=$started
wait_line "$dir/server.log" 'listening' 50
check "the listener starts" $? "$dir/server.log"

transfer "direct" a 10.97.0.1:4433 "$BYTES" 60 --ring "$dir/ring"
transfer "direct, IPv6" a '[fd00:97::1]:4433' 10M 30 --ring "$dir/ring"

start "$dir/link.log" ip netns exec "$tag-l" "$B/aether-link" --left la --right lb --delay 10ms --loss 2% --seed 7
link=$started
run_in a ping -c 5 -i 0.2 -W 2 10.96.0.1 >"$dir/ping.log" 2>&1
check "the emulated link forwards" $? "$dir/ping.log" "$dir/link.log"
transfer "10 ms, 2 % loss" a 10.96.0.1:4433 "$BYTES" 120 --ring "$dir/ring"
stop "$link"
check "the emulator ends well" $? "$dir/link.log"
stop "$server"
check "the listener ends well" $? "$dir/server.log"
finish
