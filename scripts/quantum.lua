-- SPDX-License-Identifier: BSD-3-Clause
-- Wireshark dissector of Quantum, version 1 (docs/spec/quantum.md): header, classes, SACK blocks,
-- handshake fields; and the frames of a protected payload, given a key log.
--
-- Use:  wireshark -X lua_script:scripts/quantum.lua -o quantum.keylog:KEYS FILE
--       tshark -X lua_script:scripts/quantum.lua -o quantum.keylog:KEYS -r FILE -Y quantum.frame.type==0x0b -V
-- It finds Quantum by its magic on any UDP port; where the port belongs to another protocol add
-- -o udp.try_heuristic_first:TRUE (or "Decode As").
--
-- A key log is written by test programs alone (tests/support/keylog): a line for each direction and
-- key epoch, "c2s" or "s2c", connection id in hexadecimal (C, or S), epoch, key, IV. S is learned from
-- ACCEPT, so a capture should begin with the handshake.

local quantum = Proto("quantum", "Quantum")
quantum.prefs.keylog = Pref.string("Key log file", "", "Traffic keys, as test programs write them")
quantum.prefs.verify = Pref.bool("Verify tags", true, "Check the tag of what is decrypted (slower)")
quantum.prefs.clear = Pref.bool("Payload is clear", false, "Dissect frames without decrypting: captures of tests with the null provider")

local CLASSES = {
	[0] = "PROTECTED", [1] = "SYN", [2] = "SYN+ACK", [3] = "ACK", [4] = "RST",
	[5] = "VERSION", [6] = "BUSY", [7] = "UNKNOWN VERSION", [8] = "BROKEN",
}
local PROTECTED, SYN, SYN_ACK, ACK, RST, VERSION, BUSY, UNKNOWN, BROKEN = 0, 1, 2, 3, 4, 5, 6, 7, 8

local FRAMES = {
	[0x00] = "PADDING", [0x01] = "PING", [0x02] = "ACK_INFO", [0x03] = "FLOOR", [0x04] = "ACCEPT",
	[0x05] = "LIMITS", [0x06] = "CREDIT", [0x07] = "CREDIT_CHANNEL", [0x08] = "EXPIRED",
	[0x09] = "PATH_CHALLENGE", [0x0a] = "PATH_RESPONSE", [0x0b] = "CLOSE", [0x0c] = "FEC_SOURCE",
	[0x0d] = "FEC_REPAIR",
}
for t = 0x20, 0x2f do
	FRAMES[t] = "DATA"
end
local ORDERS = { [0] = "ordered", [1] = "unordered", [2] = "latest-wins", [3] = "invalid" }
local SET = { "set", "not set" }

local f = {
	magic = ProtoField.uint32("quantum.magic", "Magic", base.HEX),
	version = ProtoField.uint8("quantum.version", "Version"),
	flags = ProtoField.uint8("quantum.flags", "Flags", base.HEX),
	class = ProtoField.uint8("quantum.class", "Class", base.DEC, CLASSES),
	cid = ProtoField.guid("quantum.cid", "Connection id"),
	seq = ProtoField.uint32("quantum.seq", "Packet number"),
	ack = ProtoField.uint32("quantum.ack", "Acknowledgement"),
	length = ProtoField.uint16("quantum.length", "Payload length"),
	sack = ProtoField.bytes("quantum.sack", "SACK block"),
	sack_first = ProtoField.uint32("quantum.sack.first", "First"),
	sack_end = ProtoField.uint32("quantum.sack.end", "End"),
	nb_sacks = ProtoField.uint8("quantum.sacks", "SACK blocks"),
	payload = ProtoField.bytes("quantum.payload", "Payload"),
	tag = ProtoField.bytes("quantum.tag", "Tag"),
	pn = ProtoField.uint64("quantum.pn", "Packet number, all 64 bits"),
	epoch = ProtoField.uint32("quantum.epoch", "Key epoch"),
	verified = ProtoField.bool("quantum.verified", "Tag verified"),
	-- handshake
	random = ProtoField.bytes("quantum.hs.random", "Client random"),
	token = ProtoField.bytes("quantum.hs.token", "Token"),
	token_expires = ProtoField.absolute_time("quantum.hs.token_expires", "Token expires", base.UTC),
	padding = ProtoField.bytes("quantum.hs.padding", "Padding"),
	cookie = ProtoField.bytes("quantum.hs.cookie", "Cookie"),
	cookie_epoch = ProtoField.uint8("quantum.hs.cookie_epoch", "Cookie epoch"),
	dh_epoch = ProtoField.uint8("quantum.hs.dh_epoch", "DH epoch"),
	pub = ProtoField.bytes("quantum.hs.pub", "Public key"),
	mac = ProtoField.bytes("quantum.hs.mac", "MAC"),
	reason_code = ProtoField.uint8("quantum.hs.reason", "Reason"),
	retry_ms = ProtoField.uint32("quantum.hs.retry_ms", "Retry after (ms)"),
	reset = ProtoField.bytes("quantum.hs.reset", "Reset token"),
	spoken = ProtoField.uint8("quantum.hs.spoken", "Version spoken"),
	-- frames
	frame = ProtoField.bytes("quantum.frame", "Frame"),
	type = ProtoField.uint8("quantum.frame.type", "Type", base.HEX, FRAMES),
	run = ProtoField.uint32("quantum.padding.len", "Padding bytes"),
	delay = ProtoField.uint64("quantum.ack_info.delay_us", "Delay (us)"),
	ce = ProtoField.uint64("quantum.ack_info.ce", "CE count"),
	range = ProtoField.bytes("quantum.ack_info.range", "Range"),
	recovered = ProtoField.uint32("quantum.ack_info.recovered", "Recovered number"),
	floor = ProtoField.uint64("quantum.floor", "Floor"),
	s = ProtoField.guid("quantum.accept.s", "Server's connection id"),
	idle = ProtoField.uint64("quantum.limits.idle_ms", "Idle time-out (ms)"),
	msg_max = ProtoField.uint64("quantum.limits.message_bytes", "Message bytes"),
	chans = ProtoField.uint64("quantum.limits.channels", "Channels"),
	credit = ProtoField.uint64("quantum.limits.credit", "Connection credit"),
	chan_credit = ProtoField.uint64("quantum.limits.channel_credit", "Channel credit"),
	granted = ProtoField.uint64("quantum.credit.bytes", "Granted bytes"),
	channel = ProtoField.uint64("quantum.channel", "Channel"),
	message = ProtoField.uint64("quantum.message", "Message"),
	expired = ProtoField.uint64("quantum.expired.bytes", "Charged bytes"),
	path = ProtoField.bytes("quantum.path", "Path value"),
	code = ProtoField.uint64("quantum.close.code", "Code"),
	reason = ProtoField.string("quantum.close.reason", "Reason"),
	block = ProtoField.uint16("quantum.fec.block", "Block"),
	index = ProtoField.uint8("quantum.fec.index", "Index"),
	k = ProtoField.uint8("quantum.fec.k", "Sources (k)"),
	m = ProtoField.uint8("quantum.fec.m", "Repairs (m)"),
	source = ProtoField.uint32("quantum.fec.source", "Source number"),
	symbol = ProtoField.bytes("quantum.fec.symbol", "Symbol"),
	order = ProtoField.uint8("quantum.data.order", "Order", base.DEC, ORDERS),
	fragment = ProtoField.bool("quantum.data.fragment", "Fragment"),
	key = ProtoField.uint64("quantum.data.key", "Key"),
	offset = ProtoField.uint64("quantum.data.offset", "Offset"),
	total = ProtoField.uint64("quantum.data.total", "Total"),
	data = ProtoField.bytes("quantum.data", "Data"),
}
local flag_names = { "syn", "ack", "fin", "rst", "fec", "psh", "urg", "ece" }
for i, name in ipairs(flag_names) do
	f["flag_" .. name] = ProtoField.bool("quantum.flags." .. name, name:upper(), 8, SET, 2 ^ (i - 1))
end
local list = {}
for _, field in pairs(f) do
	table.insert(list, field)
end
quantum.fields = list

local malformed = ProtoExpert.new("quantum.malformed", "Malformed Quantum", expert.group.MALFORMED, expert.severity.ERROR)
local forged = ProtoExpert.new("quantum.forged", "Tag does not verify", expert.group.DECRYPTION, expert.severity.WARN)
quantum.experts = { malformed, forged }

-- ---- AES-256-GCM (NIST SP 800-38D): Wireshark offers no cipher to Lua ------------------------------

local bit = bit32 or require("bit")
local bxor, band, lshift, rshift = bit.bxor, bit.band, bit.lshift, bit.rshift

-- The S-box from powers of 3 and their inverses; T[x] is one column of SubBytes and MixColumns.
local SBOX, T = {}, {}
do
	local power, log, x = {}, {}, 1
	for i = 0, 254 do
		power[i], log[x] = x, i
		x = bxor(x, band(lshift(x, 1), 255), x >= 128 and 0x1b or 0)
	end
	for i = 0, 255 do
		local inverse = i == 0 and 0 or power[(255 - log[i]) % 255]
		local s = 0x63
		for turn = 0, 4 do
			s = bxor(s, band(lshift(inverse, turn), 255), rshift(inverse, 8 - turn))
		end
		SBOX[i] = s
		local twice = bxor(band(lshift(s, 1), 255), s >= 128 and 0x1b or 0)
		T[i] = bxor(lshift(twice, 24), lshift(s, 16), lshift(s, 8), bxor(twice, s))
	end
end

local function word(text, at)
	local a, b, c, d = text:byte(at, at + 3)
	return bxor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
end

local function octets(w)
	return rshift(w, 24), band(rshift(w, 16), 255), band(rshift(w, 8), 255), band(w, 255)
end

local function bytes(w)
	return string.char(octets(w))
end

local function sub_word(w)
	local a, b, c, d = octets(w)
	return bxor(lshift(SBOX[a], 24), lshift(SBOX[b], 16), lshift(SBOX[c], 8), SBOX[d])
end

local function rotate(w, bits)
	return bxor(rshift(w, bits), lshift(w, 32 - bits))
end

-- 60 round key words of a 32-byte key.
local function aes_expand(key)
	local w, rcon = {}, 1
	for i = 0, 7 do
		w[i] = word(key, 4 * i + 1)
	end
	for i = 8, 59 do
		local t = w[i - 1]
		if i % 8 == 0 then
			t = bxor(sub_word(rotate(t, 24)), lshift(rcon, 24))
			rcon = lshift(rcon, 1)
		elseif i % 8 == 4 then
			t = sub_word(t)
		end
		w[i] = bxor(w[i - 8], t)
	end
	return w
end

-- One block, as four words.
local function aes_block(w, a, b, c, d)
	a, b, c, d = bxor(a, w[0]), bxor(b, w[1]), bxor(c, w[2]), bxor(d, w[3])
	local function column(p, q, r, s, key)
		return bxor(T[rshift(p, 24)], rotate(T[band(rshift(q, 16), 255)], 8), rotate(T[band(rshift(r, 8), 255)], 16),
			rotate(T[band(s, 255)], 24), key)
	end
	for i = 4, 52, 4 do
		a, b, c, d = column(a, b, c, d, w[i]), column(b, c, d, a, w[i + 1]), column(c, d, a, b, w[i + 2]),
			column(d, a, b, c, w[i + 3])
	end
	local function last(p, q, r, s, key)
		return bxor(lshift(SBOX[rshift(p, 24)], 24), lshift(SBOX[band(rshift(q, 16), 255)], 16),
			lshift(SBOX[band(rshift(r, 8), 255)], 8), SBOX[band(s, 255)], key)
	end
	return last(a, b, c, d, w[56]), last(b, c, d, a, w[57]), last(c, d, a, b, w[58]), last(d, a, b, c, w[59])
end

-- Multiplication by H in GF(2^128), four bits at a time: products of H with each of 16 polynomials,
-- and what leaves at the low end when shifted by four.
local function halve(a, b, c, d)
	local carry = band(d, 1) == 1 and 0xe1000000 or 0
	return bxor(rshift(a, 1), carry), bxor(rshift(b, 1), lshift(a, 31)), bxor(rshift(c, 1), lshift(b, 31)),
		bxor(rshift(d, 1), lshift(c, 31))
end

local LEAVES = {}
for i = 0, 15 do
	local a, b, c, d = 0, 0, 0, i
	for _ = 1, 4 do
		a, b, c, d = halve(a, b, c, d)
	end
	LEAVES[i] = a
end

local function ghash_table(a, b, c, d)
	local products = { [0] = { 0, 0, 0, 0 } }
	for _, i in ipairs({ 8, 4, 2, 1 }) do
		products[i] = { a, b, c, d }
		a, b, c, d = halve(a, b, c, d)
	end
	for i = 1, 15 do
		local sum = { 0, 0, 0, 0 }
		for _, part in ipairs({ 8, 4, 2, 1 }) do
			if band(i, part) ~= 0 then
				for n = 1, 4 do
					sum[n] = bxor(sum[n], products[part][n])
				end
			end
		end
		products[i] = sum
	end
	return products
end

local function ghash(products, aad, text)
	local y0, y1, y2, y3 = 0, 0, 0, 0
	local function absorb(x0, x1, x2, x3)
		local x = { bxor(y0, x0), bxor(y1, x1), bxor(y2, x2), bxor(y3, x3) }
		local a, b, c, d = 0, 0, 0, 0
		for n = 4, 1, -1 do
			for shift = 0, 28, 4 do
				local p, leaves = products[band(rshift(x[n], shift), 15)], LEAVES[band(d, 15)]
				d = bxor(rshift(d, 4), lshift(c, 28), p[4])
				c = bxor(rshift(c, 4), lshift(b, 28), p[3])
				b = bxor(rshift(b, 4), lshift(a, 28), p[2])
				a = bxor(rshift(a, 4), leaves, p[1])
			end
		end
		y0, y1, y2, y3 = a, b, c, d
	end
	for _, part in ipairs({ aad, text }) do
		local padded = part .. string.rep("\0", -#part % 16)
		for at = 1, #padded, 16 do
			absorb(word(padded, at), word(padded, at + 4), word(padded, at + 8), word(padded, at + 12))
		end
	end
	absorb(0, 8 * #aad, 0, 8 * #text)
	return y0, y1, y2, y3
end

-- Plaintext, and whether the tag is right (nil: not looked at).
local function gcm_open(key, pn, aad, text, tag, verify)
	key.words = key.words or aes_expand(key.key)
	local high, low = math.floor(pn / 2 ^ 32), pn % 2 ^ 32
	local n0 = word(key.iv, 1)
	local n1, n2 = bxor(word(key.iv, 5), high), bxor(word(key.iv, 9), low)
	local out = {}
	for at = 1, #text, 16 do
		local a, b, c, d = aes_block(key.words, n0, n1, n2, 2 + (at - 1) / 16)
		local block = text:sub(at, at + 15)
		local whole = block .. string.rep("\0", 16 - #block)
		local clear = bytes(bxor(a, word(whole, 1))) .. bytes(bxor(b, word(whole, 5))) ..
			bytes(bxor(c, word(whole, 9))) .. bytes(bxor(d, word(whole, 13)))
		out[#out + 1] = clear:sub(1, #block)
	end
	local right
	if verify then
		key.products = key.products or ghash_table(aes_block(key.words, 0, 0, 0, 0))
		local a, b, c, d = ghash(key.products, aad, text)
		local e, f, g, h = aes_block(key.words, n0, n1, n2, 1)
		right = tag == bytes(bxor(a, e)) .. bytes(bxor(b, f)) .. bytes(bxor(c, g)) .. bytes(bxor(d, h))
	end
	return table.concat(out), right
end

-- ---- keys and connections -------------------------------------------------------------------------

local keys       -- [id][direction][epoch] = { key, iv }; id in hexadecimal
local keys_size  -- of the file when it was read
local clients_id -- [S] = { cid = C, server = address of the server }
local highest    -- [C .. direction] = highest packet number so far
local numbers    -- [frame] = packet number, from the first pass on

local function from_hex(text)
	return (text:gsub("%x%x", function(digits)
		return string.char(tonumber(digits, 16))
	end))
end

local function read_keys()
	local file = quantum.prefs.keylog ~= "" and io.open(quantum.prefs.keylog, "r")
	if not file then
		return
	end
	local size = file:seek("end")
	if size ~= keys_size then
		file:seek("set")
		keys, keys_size = {}, size
		for line in file:lines() do
			local way, id, epoch, key, iv = line:match("^([cs]2[cs]) (%x+) (%d+) (%x+) (%x+)$")
			if way and #id == 32 and #key == 64 and #iv == 24 then
				keys[id] = keys[id] or { c2s = {}, s2c = {} }
				keys[id][way][tonumber(epoch)] = { key = from_hex(key), iv = from_hex(iv) }
			end
		end
	end
	file:close()
end

function quantum.init()
	keys, keys_size, clients_id, highest, numbers = {}, nil, {}, {}, {}
	read_keys()
end

local function source_of(pinfo)
	return tostring(pinfo.src) .. " " .. pinfo.src_port
end

-- Whose keys a packet is sealed under: C (or what the key log names), and the likely direction.
local function owner_of(class, id, pinfo)
	if class == ACK then
		return id, "c2s"
	end
	local known = clients_id[id]
	if known then
		return known.cid, source_of(pinfo) == known.server and "s2c" or "c2s"
	end
	return id, "s2c" -- only the server sends under C
end

-- The number nearest to what follows the highest one [Q-3.1].
local function whole_number(seq, after)
	local base = after - after % 2 ^ 32
	local best = base + seq
	for _, pn in ipairs({ base + seq - 2 ^ 32, base + seq + 2 ^ 32 }) do
		if pn >= 0 and math.abs(pn - after) < math.abs(best - after) then
			best = pn
		end
	end
	return best
end

-- Plaintext, number, verified and C; nil without a key for it.
local function decrypt(class, tvb, text_at, pinfo)
	local cid, way = owner_of(class, tvb(6, 16):bytes():tohex(true), pinfo)
	local seq = tvb(22, 4):uint()
	if not keys[cid] then
		read_keys()
	end
	local aad, text = tvb:raw(0, text_at), tvb:raw(text_at, tvb:len() - text_at - 16)
	local tag = tvb:raw(tvb:len() - 16, 16)
	local clear, pn, right
	for _, try in ipairs({ way, way == "c2s" and "s2c" or "c2s" }) do
		pn = numbers[pinfo.number] or whole_number(seq, highest[cid .. try] or 0)
		local key = keys[cid] and keys[cid][try][math.floor(pn / 2 ^ 22)]
		if key then
			clear, right = gcm_open(key, pn, aad, text, tag, quantum.prefs.verify)
		end
		if key and right ~= false then
			numbers[pinfo.number] = pn
			highest[cid .. try] = math.max(highest[cid .. try] or 0, pn + 1)
			return clear, pn, right, cid
		end
	end
	return clear, pn, right, cid
end

local function has(flags, bit)
	return math.floor(flags / bit) % 2 == 1
end

-- A cursor over a range: every read checks the end, so a cut datagram stops with an error.
local Cursor = {}
Cursor.__index = Cursor

local function cursor(tvb)
	return setmetatable({ tvb = tvb, at = 0 }, Cursor)
end

function Cursor:left()
	return self.tvb:len() - self.at
end

function Cursor:take(len)
	if len > self:left() then
		error({ cut = true })
	end
	local range = self.tvb(self.at, len)
	self.at = self.at + len
	return range
end

-- Variable-length integer of RFC 9000: its range, and its value as a UInt64.
function Cursor:varint()
	if self:left() < 1 then
		error({ cut = true })
	end
	local first = self.tvb(self.at, 1):uint()
	local range = self:take(2 ^ math.floor(first / 64))
	local value
	if range:len() == 8 then
		value = range:uint64():band(UInt64.new(0xffffffff, 0x3fffffff))
	elseif range:len() == 4 then
		value = UInt64.new(range:uint() % 0x40000000)
	elseif range:len() == 2 then
		value = UInt64.new(range:uint() % 0x4000)
	else
		value = UInt64.new(range:uint() % 0x40)
	end
	return range, value
end

local function add_varint(tree, field, c)
	local range, value = c:varint()
	tree:add(field, range, value)
	return value:tonumber()
end

local function add_limits(tree, c)
	add_varint(tree, f.idle, c)
	add_varint(tree, f.msg_max, c)
	add_varint(tree, f.chans, c)
	add_varint(tree, f.credit, c)
	add_varint(tree, f.chan_credit, c)
end

local function add_range(tree, field, range)
	local item = tree:add(field, range)
	local first, last = range(0, 4):uint(), range(4, 4):uint()
	item:add(f.sack_first, range(0, 4))
	item:add(f.sack_end, range(4, 4))
	item:append_text(" [" .. first .. ", " .. last .. ")")
end

local decode = {}

decode[0x00] = function(tree, c)
	local begin = c.at
	while c:left() > 0 and c.tvb(c.at, 1):uint() == 0 do
		c.at = c.at + 1
	end
	tree:add(f.run, c.tvb(begin - 1, c.at - begin + 1), c.at - begin + 1)
	return tostring(c.at - begin + 1)
end

decode[0x01] = function() end

decode[0x02] = function(tree, c)
	local bits = c:take(1):uint()
	if bits > 15 then
		error({ cut = true })
	end
	if has(bits, 1) then
		add_varint(tree, f.delay, c)
	end
	if has(bits, 2) then
		add_varint(tree, f.ce, c)
	end
	if has(bits, 4) then
		local _, nb = c:varint()
		for _ = 1, nb:tonumber() do
			add_range(tree, f.range, c:take(8))
		end
	end
	if has(bits, 8) then
		local _, nb = c:varint()
		for _ = 1, nb:tonumber() do
			tree:add(f.recovered, c:take(4))
		end
	end
end

decode[0x03] = function(tree, c)
	return tostring(add_varint(tree, f.floor, c))
end

decode[0x04] = function(tree, c, from)
	local s = c:take(16)
	tree:add(f.s, s)
	if from then
		clients_id[s:bytes():tohex(true)] = from
	end
	tree:add(f.reset, c:take(16))
	add_limits(tree, c)
end

decode[0x05] = add_limits

decode[0x06] = function(tree, c)
	return tostring(add_varint(tree, f.granted, c))
end

decode[0x07] = function(tree, c)
	local channel = add_varint(tree, f.channel, c)
	return channel .. ": " .. add_varint(tree, f.granted, c)
end

decode[0x08] = function(tree, c)
	local channel = add_varint(tree, f.channel, c)
	local message = add_varint(tree, f.message, c)
	add_varint(tree, f.expired, c)
	return channel .. "/" .. message
end

decode[0x09] = function(tree, c)
	tree:add(f.path, c:take(8))
end
decode[0x0a] = decode[0x09]

decode[0x0b] = function(tree, c)
	local code = add_varint(tree, f.code, c)
	tree:add(f.reason, c:take(c:take(1):uint()))
	if code % 16 == 0 then
		return "application " .. code / 16
	end
	return "protocol " .. code
end

decode[0x0c] = function(tree, c)
	local block, index = c:take(2), c:take(1)
	tree:add(f.block, block)
	tree:add(f.index, index)
	return block:uint() .. "." .. index:uint()
end

decode[0x0d] = function(tree, c)
	local block = c:take(2)
	tree:add(f.block, block)
	local k = c:take(1)
	tree:add(f.k, k)
	tree:add(f.m, c:take(1))
	local index = c:take(1)
	tree:add(f.index, index)
	local range = c:take(4)
	local pn = range:uint()
	tree:add(f.source, range)
	for _ = 2, k:uint() do
		local delta = c:take(2)
		pn = (pn + delta:uint()) % 2 ^ 32
		tree:add(f.source, delta, pn)
	end
	tree:add(f.symbol, c:take(c:left()))
	return block:uint() .. "." .. index:uint()
end

local function decode_data(tree, c, kind)
	local bits = kind % 16
	local order = bits % 4
	tree:add(f.order, c.tvb(c.at - 1, 1), order)
	tree:add(f.fragment, c.tvb(c.at - 1, 1), has(bits, 4))
	local channel = add_varint(tree, f.channel, c)
	local message = add_varint(tree, f.message, c)
	local text = channel .. "/" .. message
	if order == 2 then
		add_varint(tree, f.key, c)
	end
	if has(bits, 4) then
		text = text .. "+" .. add_varint(tree, f.offset, c)
		add_varint(tree, f.total, c)
	end
	local len = c:left()
	if not has(bits, 8) then
		local _, value = c:varint()
		len = value:tonumber()
	end
	if len > 0 then
		tree:add(f.data, c:take(len))
	end
	return text .. " (" .. len .. ")"
end

-- from = { cid = C, server = address }: what an ACCEPT in it names; nil when it is not known.
local function dissect_frames(tvb, tree, names, from)
	local c = cursor(tvb)
	while c:left() > 0 do
		local begin = c.at
		local range = c:take(1)
		local kind = range:uint()
		local name = FRAMES[kind]
		local item = tree:add(f.frame, range)
		item:add(f.type, range)
		local ok, what = pcall(function()
			if name == "DATA" then
				return decode_data(item, c, kind)
			elseif name == nil then
				error({ cut = true })
			end
			return decode[kind](item, c, from)
		end)
		item:set_len(c.at - begin)
		if not ok then
			item:add_proto_expert_info(malformed, type(what) == "table" and "this frame breaks its format" or what)
			table.insert(names, (name or "unknown frame") .. "!")
			return
		end
		item:set_text((name or "?") .. (what and (" " .. what) or ""))
		table.insert(names, name .. (what and (" " .. what) or ""))
	end
end

local function classify(tvb)
	local version, flags, len = tvb(4, 1):uint(), tvb(5, 1):uint(), tvb:len()
	local four = flags % 16 - (has(flags, 4) and 4 or 0)
	if version ~= 1 then
		return version == 0 and flags == 0 and VERSION or UNKNOWN
	end
	if four == 0 then
		return PROTECTED
	end
	if flags == 1 then
		return len == 512 and SYN or BROKEN
	elseif flags == 3 then
		return len == 116 and SYN_ACK or len == 72 and BUSY or BROKEN
	elseif flags == 2 then
		return ACK
	elseif flags == 8 then
		return len == 48 and RST or BROKEN
	end
	return BROKEN
end

local function add_token(tree, c)
	local range = c:take(188)
	local item = tree:add(f.token, range)
	local ms = range(8, 8):uint64():tonumber()
	item:add(f.token_expires, range(8, 8), NSTime.new(math.floor(ms / 1000), ms % 1000 * 1000000))
end

local function dissect_protected(class, tvb, tree, names, c, pinfo)
	local text_at = c.at
	local text = c:take(c:left() - 16)
	local clear, pn, right, cid
	if text:len() > 0 and quantum.prefs.clear then
		dissect_frames(text:tvb(), tree, names)
	elseif text:len() > 0 then
		clear, pn, right, cid = decrypt(class, tvb, text_at, pinfo)
	end
	local tag = tree:add(f.tag, c:take(16))
	if right == false then
		tag:add_proto_expert_info(forged)
	elseif right then
		tree:add(f.verified, tvb(tvb:len() - 16, 16), true)
	end
	if clear and right ~= false then
		tree:add(f.pn, tvb(22, 4), UInt64.new(pn % 2 ^ 32, math.floor(pn / 2 ^ 32)))
		tree:add(f.epoch, tvb(22, 4), math.floor(pn / 2 ^ 22))
		dissect_frames(ByteArray.new(clear, true):tvb("Decrypted"), tree, names,
			{ cid = cid, server = source_of(pinfo) })
	elseif text:len() > 0 and not quantum.prefs.clear then
		tree:add(f.payload, text)
	end
end

local function dissect_payload(class, tvb, tree, names, pinfo)
	local c = cursor(tvb)
	c.at = 32
	local len = tvb(30, 2):uint()
	if class == SYN then
		tree:add(f.random, c:take(16))
		add_token(tree, c)
		tree:add(f.padding, c:take(c:left()))
	elseif class == SYN_ACK then
		tree:add(f.random, c:take(16))
		tree:add(f.cookie, c:take(16))
		tree:add(f.cookie_epoch, c:take(1))
		tree:add(f.dh_epoch, c:take(1))
		c:take(2)
		tree:add(f.pub, c:take(32))
		tree:add(f.mac, c:take(16))
	elseif class == BUSY then
		tree:add(f.random, c:take(16))
		tree:add(f.reason_code, c:take(1))
		c:take(3)
		tree:add(f.retry_ms, c:take(4))
		tree:add(f.mac, c:take(16))
	elseif class == RST then
		tree:add(f.reset, c:take(16))
	elseif class == VERSION then
		while c:left() > 0 do
			tree:add(f.spoken, c:take(1))
		end
	elseif class == ACK then
		tree:add(f.random, c:take(16))
		add_token(tree, c)
		tree:add(f.cookie, c:take(16))
		tree:add(f.cookie_epoch, c:take(1))
		tree:add(f.dh_epoch, c:take(1))
		c:take(2)
		tree:add(f.pub, c:take(32))
		tree:add(f.mac, c:take(16))
	elseif class == PROTECTED then
		local rest = tvb:len() - 32 - len - 16
		if rest < 0 or rest % 8 ~= 0 or rest > 64 then
			error({ cut = true })
		end
		tree:add(f.nb_sacks, tvb(30, 2), rest / 8)
		for _ = 1, rest / 8 do
			add_range(tree, f.sack, c:take(8))
		end
	end
	if class == PROTECTED or class == ACK then
		dissect_protected(class, tvb, tree, names, c, pinfo)
	end
end

function quantum.dissector(tvb, pinfo, root)
	if tvb:len() < 32 or tvb(0, 4):uint() ~= 0x51554e54 then
		return 0
	end
	local class = classify(tvb)
	local tree = root:add(quantum, tvb())
	local names = {}
	pinfo.cols.protocol = "Quantum"
	tree:add(f.magic, tvb(0, 4))
	tree:add(f.version, tvb(4, 1))
	local flags = tree:add(f.flags, tvb(5, 1))
	for _, name in ipairs(flag_names) do
		flags:add(f["flag_" .. name], tvb(5, 1))
	end
	tree:add(f.class, tvb(5, 1), class)
	tree:add(f.cid, tvb(6, 16))
	tree:add(f.seq, tvb(22, 4))
	tree:add(f.ack, tvb(26, 4))
	tree:add(f.length, tvb(30, 2))
	local ok = class ~= BROKEN and class ~= UNKNOWN and pcall(dissect_payload, class, tvb, tree, names, pinfo)
	if not ok and class ~= UNKNOWN then
		tree:add_proto_expert_info(malformed, "lengths and flags do not fit together")
	end
	tree:append_text(", " .. CLASSES[class])
	local info = CLASSES[class]
	if class == PROTECTED or class == ACK then
		info = info .. " pn " .. tvb(22, 4):uint() .. " ack " .. tvb(26, 4):uint() .. "  " .. table.concat(names, ", ")
	end
	pinfo.cols.info = info
	return tvb:len()
end

quantum:register_heuristic("udp", function(tvb, pinfo, root)
	if tvb:len() < 32 or tvb(0, 4):uint() ~= 0x51554e54 then
		return false
	end
	quantum.dissector(tvb, pinfo, root)
	return true
end)
DissectorTable.get("udp.port"):add_for_decode_as(quantum)
