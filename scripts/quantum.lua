-- SPDX-License-Identifier: BSD-3-Clause
-- Wireshark dissector of Quantum, version 1 (docs/spec/quantum.md): header, classes, SACK blocks,
-- handshake fields, and the frames of a protected payload where it is clear (null protection).
--
-- Use:  wireshark -X lua_script:scripts/quantum.lua FILE
--       tshark -X lua_script:scripts/quantum.lua -r FILE -Y quantum.frame.type==0x0b -V
-- It finds Quantum by its magic on any UDP port; where the port belongs to another protocol add
-- -o udp.try_heuristic_first:TRUE (or "Decode As"). With real protection switch the preference
-- "quantum.clear" off: the payload is then shown as it is.

local quantum = Proto("quantum", "Quantum")
quantum.prefs.clear = Pref.bool("Payload is clear", true, "Dissect frames: null protection leaves the payload clear")

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
quantum.experts = { malformed }

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

decode[0x04] = function(tree, c)
	tree:add(f.s, c:take(16))
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

local function dissect_frames(tvb, tree, names)
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
			return decode[kind](item, c)
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

local function dissect_payload(class, tvb, tree, names)
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
		local text = c:take(c:left() - 16)
		if text:len() > 0 and quantum.prefs.clear then
			dissect_frames(text:tvb(), tree, names)
		elseif text:len() > 0 then
			tree:add(f.payload, text)
		end
		tree:add(f.tag, c:take(16))
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
	local ok = class ~= BROKEN and class ~= UNKNOWN and pcall(dissect_payload, class, tvb, tree, names)
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
