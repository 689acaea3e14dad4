#!/usr/bin/env bash
# The Wireshark dissector (scripts/quantum.lua) on golden datagrams: each class, each frame type,
# flags, SACK blocks, broken ones; by the magic on any port. No network is used.
# Usage: B=BUILD_FOLDER tests/lab/dissector.sh       Exit status: 0 when nothing failed.
set -u
B=${B:-build/release}
passed=0 failed=0 skipped=0
if ! command -v tshark >/dev/null; then
	echo "skip: tshark is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s B="$B" "$B/quantum-pcap" >"$dir/make" 2>&1 || cat "$dir/make"
"$B/quantum-pcap" "$dir/golden.pcap" 40404 "$dir/keys" || echo "quantum-pcap failed"
capture="golden"
shark() {
	tshark -X lua_script:scripts/quantum.lua -o "quantum.keylog:$dir/keys" -r "$dir/$capture.pcap" "$@" 2>"$dir/err"
}

# A display filter must select exactly these packets.
selects() { # filter, expected packet numbers
	local got
	got=$(shark -Y "$1" -T fields -e frame.number | tr '\n' ' ' | sed 's/ $//')
	if [ "$got" = "$2" ]; then
		echo "PASS $1"
		passed=$((passed + 1))
	else
		echo "FAIL $1: packets \"$got\" instead of \"$2\""
		cat "$dir/err"
		failed=$((failed + 1))
	fi
}

# ---- classes and handshake ----
selects 'quantum' "1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 17 18 19"
selects 'quantum.class == 1 && quantum.flags.syn == 1 && quantum.length == 480' "1"
selects 'quantum.hs.token_expires == "2023-11-14 22:13:20.123000000Z"' "1 4"
selects 'quantum.hs.padding' "1"
selects 'quantum.class == 2 && quantum.hs.cookie_epoch == 5 && quantum.hs.dh_epoch == 6' "2"
selects 'quantum.class == 6 && quantum.hs.retry_ms == 1500 && quantum.hs.reason == 1' "3"
selects 'quantum.class == 3 && quantum.hs.pub && quantum.hs.mac && quantum.frame.type == 1' "4"
selects 'quantum.class == 4 && quantum.hs.reset == 72:65:73:65:74:20:72:65:73:65:74:20:72:65:73:65' "5"
selects 'quantum.class == 5 && quantum.hs.spoken == 1' "6"
selects 'quantum.class == 7' "7"
selects 'quantum.class == 8 && quantum.malformed' "8"
selects 'quantum.cid == 018f0102-0304-7005-8006-0708090a0b0c && quantum.class == 0' "10 11 12 13 14 15 16 17 18 19"
# ---- header of protected packets ----
selects 'quantum.flags.ece == 1 && quantum.sacks == 8 && quantum.sack.first == 120 && quantum.sack.end == 125' "11"
selects 'quantum.sacks == 2 && quantum.flags.psh == 1 && quantum.flags.urg == 1' "16"
selects 'quantum.seq == 109 && quantum.ack == 40' "10"
selects 'quantum.tag' "4 10 11 12 13 14 15 16 17 18 19"
# ---- frames ----
selects 'quantum.frame.type == 0x00 && quantum.padding.len == 5' "10"
selects 'quantum.frame.type == 0x01' "4 10 18"
selects 'quantum.frame.type == 0x02 && quantum.ack_info.delay_us == 1500 && quantum.ack_info.ce == 3' "11"
selects 'quantum.ack_info.recovered == 77 && quantum.ack_info.range' "11"
selects 'quantum.frame.type == 0x03 && quantum.floor == 4294967301' "11"
selects 'quantum.frame.type == 0x04 && quantum.accept.s == 018f0102-0304-7005-8006-0708090a0b0c' "12"
selects 'quantum.limits.idle_ms == 60000 && quantum.limits.channels == 65536' "12 13"
selects 'quantum.frame.type == 0x05 && quantum.limits.credit == 4194304' "13"
selects 'quantum.frame.type == 0x06 && quantum.credit.bytes == 5242880' "13"
selects 'quantum.frame.type == 0x07 && quantum.channel == 300' "13"
selects 'quantum.frame.type == 0x08 && quantum.message == 1234 && quantum.expired.bytes == 999' "13"
selects 'quantum.frame.type == 0x09 && quantum.path == 43:48:41:4c:4c:45:4e:47' "14"
selects 'quantum.frame.type == 0x0a && quantum.path == 52:45:53:50:4f:4e:53:45' "14"
selects 'quantum.frame.type == 0x0b && quantum.flags.fin == 1 && quantum.close.reason == "gone fishing"' "15"
selects 'quantum.frame.type == 0x0c && quantum.fec.block == 513 && quantum.fec.index == 4' "16"
selects 'quantum.frame.type == 0x20 && quantum.data.order == 0 && quantum.message == 70000' "16"
selects 'quantum.data.fragment == 1 && quantum.data.offset == 20000 && quantum.data.total == 30000' "16"
selects 'quantum.data.order == 2 && quantum.data.key == 4711 && quantum.data == 63:75:72:73:6f:72' "16"
selects 'quantum.frame.type == 0x0d && quantum.fec.k == 3 && quantum.fec.m == 2 && quantum.fec.source == 5' "17"
selects 'quantum.fec.source == 4294967294 && quantum.fec.symbol == 73:79:6d:62:6f:6c' "17"
# ---- broken ones ----
selects 'quantum.malformed && quantum.frame' "18 19"

# The summary line tells the frames.
if shark -Y 'frame.number == 16' -T fields -e _ws.col.Info |
	grep -q "^PROTECTED pn 115 ack 40  FEC_SOURCE 513.4, DATA 7/70000 (5), DATA 8/0+20000 (4), DATA 9/0 (6)$"; then
	echo "PASS the summary lists the frames"
	passed=$((passed + 1))
else
	echo "FAIL the summary lists the frames"
	failed=$((failed + 1))
fi
# Without keys the payload stays as it is.
plain() { tshark -X lua_script:scripts/quantum.lua -r "$dir/golden.pcap" "$@" 2>"$dir/err"; }
if [ "$(plain -Y quantum.payload -T fields -e frame.number | wc -l)" -eq 11 ] && [ -z "$(plain -Y quantum.frame)" ]; then
	echo "PASS without keys a payload is shown as it is"
	passed=$((passed + 1))
else
	echo "FAIL without keys a payload is shown as it is"
	failed=$((failed + 1))
fi
# ---- keys ----
selects 'quantum.verified == 1' "4 10 11 12 13 14 15 16 17 18 19"
selects 'quantum.pn == 115 && quantum.epoch == 0' "16"
sed 's/^s2c\(.*\)./s2c\10/' "$dir/keys" >"$dir/wrong" && cp "$dir/keys" "$dir/right" && cp "$dir/wrong" "$dir/keys"
selects 'quantum.forged' "10 11 12 13 14 15 16 17 18 19"
selects 'quantum.frame' "4"
cp "$dir/right" "$dir/keys"

# A port that belongs to another protocol.
"$B/quantum-pcap" "$dir/golden.pcap" 47000 "$dir/keys"
if [ "$(shark -o udp.try_heuristic_first:TRUE -Y quantum -T fields -e frame.number | wc -l)" -eq 18 ]; then
	echo "PASS on a port of another protocol, by preference"
	passed=$((passed + 1))
else
	echo "FAIL on a port of another protocol, by preference"
	failed=$((failed + 1))
fi

# ---- a real conversation: 80 echoes over a change of key epoch and of the client's port ----
if "$B/quantum-pcap" --talk "$dir/talk.pcap" 40404 "$dir/keys"; then
	echo "PASS the conversation ends well"
	passed=$((passed + 1))
else
	echo "FAIL the conversation ends well"
	failed=$((failed + 1))
fi
capture="talk"
count() { # filter, least number of packets, most
	local got
	got=$(shark -Y "$1" -T fields -e frame.number | wc -l)
	if [ "$got" -ge "$2" ] && [ "$got" -le "$3" ]; then
		echo "PASS conversation: $got packets of $1"
		passed=$((passed + 1))
	else
		echo "FAIL conversation: $got packets of $1 instead of $2 to $3"
		cat "$dir/err"
		failed=$((failed + 1))
	fi
}
all=$(shark -Y 'quantum.class == 0 || quantum.class == 3' -T fields -e frame.number | wc -l)
count 'quantum.verified == 1' "$all" "$all"
count 'quantum.malformed || quantum.forged || quantum.payload' 0 0
count 'quantum.frame.type == 0x04 && udp.srcport == 40404' 1 10
count 'quantum.data == "at home 7" && udp.srcport == 50000' 1 3
count 'quantum.data == "at home 7" && udp.srcport == 40404' 1 3
count 'quantum.data == "on the way 39" && udp.srcport == 50001' 1 3
count 'quantum.data == "on the way 39" && udp.srcport == 40404' 1 3
count 'quantum.epoch == 0 && udp.srcport == 50000' 5 20
count 'quantum.epoch == 1 && udp.srcport == 50000' 10 1000
count 'quantum.epoch == 1 && udp.srcport == 40404 && quantum.data == "on the way 1"' 1 3
count 'quantum.frame.type == 0x09 && udp.srcport == 40404' 1 10
count 'quantum.close.reason == "gone fishing" && quantum.flags.fin == 1' 1 3
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
