/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/quantum_conn_fuzz.c - a peer with the right keys that does whatever it likes, and one
 * without that forges.
 *
 * Input: situation 1, then steps. A step is an operation and its operands; operands that are
 * missing count as zero. Frames are written by the encoders with values near those that the
 * receiver knows, so that an input of a few bytes is deep in the state machine; or they are raw
 * bytes. rig.h lists what must hold after each datagram.
 */
#include <stdlib.h>
#include <string.h>

#include "conn_priv.h"
#include "frames.h"
#include "rig.h"

#define STEPS_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static void
send_some(struct rig *rig, unsigned end, uint16_t channel, uint32_t len, uint64_t key)
{
	static uint8_t text[1u << 17];
	const struct quantum_send send = { .channel = channel, .key = key, .report = true };
	const struct quantum_slice slices[2] = { { text, len / 3, NULL },
		                                 { text, len - len / 3, NULL } };
	struct rig_end *e = &rig->end[end];

	if (e->conn != NULL && quantum_conn_send(e->conn, &send, slices, 2, rig->now_ns) > 0)
		abort();
}

static void
open_some(struct rig *rig, unsigned end, uint16_t channel, uint8_t a, uint8_t b)
{
	const struct quantum_chan_conf conf = {
		.order = a & 3,
		.reliability = a >> 2 & 3,
		.priority = a >> 4 & 7,
		.expedited = a >> 7,
		.weight = b,
		.tries = b & 3,
		.deadline_ns = b * 10 * AEF_NS_PER_MS,
	};
	struct rig_end *e = &rig->end[end];

	if (e->conn != NULL && quantum_conn_open(e->conn, channel, &conf) > 0)
		abort();
}

/* ---- situations --------------------------------------------------------------------------------
 */

static void
in_flight(struct rig *rig)
{
	rig_establish(rig);
	for (unsigned e = 0; e < 2; e++) {
		open_some(rig, e, 1, WIRE_UNORDERED | QUANTUM_DEADLINE << 2, 9);
		open_some(rig, e, 2, WIRE_LATEST, 1);
		for (uint16_t i = 0; i < 4; i++)
			send_some(rig, e, i, 900 * i + 1, i);
		rig_transmit(rig, e);
	}
}

static void
closing(struct rig *rig, unsigned end)
{
	in_flight(rig);
	quantum_conn_close(rig->end[end].conn, 7, "fuzz", rig->now_ns);
	rig_transmit(rig, end);
}

static void
draining(struct rig *rig)
{
	closing(rig, RIG_CLIENT);
	rig_deliver_kept(rig, 0);
	rig_require(rig->end[RIG_SERVER].conn->state == CONN_DRAINING);
}

/* The server has heard the client from another address and waits for its answer. */
static void
moving(struct rig *rig)
{
	in_flight(rig);
	rig->client_addr.ip[0] = 9;
	rig_exchange(rig, 1);
	rig_transmit(rig, RIG_SERVER);
	rig_require(rig->end[RIG_SERVER].conn->path.validating);
}

/* Both ends have gone to key epoch 1; the keys of 0 are still there. */
static void
next_epoch(struct rig *rig)
{
	rig_establish(rig);
	for (unsigned e = 0; e < 2; e++) {
		struct rig_craft c = { .pn = CRYPTO_EPOCH_PKTS + 5, .from = rig->client_addr };
		const uint8_t ping = WIRE_FRAME_PING;
		const unsigned to = 1 - e;

		if (to == RIG_CLIENT)
			c.from = rig->server_addr;
		c.ack = (uint32_t)rig->end[to].conn->rtx.peer_ack;
		rig_require(rig_inject(rig, to, &c, &ping, 1) == QUANTUM_VERDICT_ACCEPTED);
		rig_require(rig->end[to].conn->keys->rx.epoch == 1);
	}
}

static void
syn_sent(struct rig *rig)
{
	rig_dial(rig);
	send_some(rig, RIG_CLIENT, 0, 100, 0);
	rig_transmit(rig, RIG_CLIENT);
}

/* The server has accepted; the client has not heard of it. */
static void
ack_sent(struct rig *rig)
{
	syn_sent(rig);
	rig_exchange(rig, 1);
	rig_transmit(rig, RIG_CLIENT);
	rig_deliver_kept(rig, 0);
	rig_transmit(rig, RIG_SERVER);
	rig_require(rig->end[RIG_SERVER].conn != NULL);
	rig_require(rig->end[RIG_CLIENT].conn->state == CONN_ACK_SENT);
}

/* Repair blocks are open at both ends, some of their packets are lost. */
static void
repairing(struct rig *rig)
{
	in_flight(rig);
	rig_deliver_kept(rig, 1);
	rig_deliver_kept(rig, 4);
}

static void
client_closing(struct rig *rig)
{
	closing(rig, RIG_CLIENT);
}

static void
server_closing(struct rig *rig)
{
	closing(rig, RIG_SERVER);
}

static const struct situation {
	struct rig_setup setup;
	void (*build)(struct rig *rig);
} situations[] = {
	{ { .roomy = true }, rig_establish },
	{ { .roomy = true }, in_flight },
	{ { .roomy = false }, in_flight },
	{ { .roomy = true, .fec_always = true }, repairing },
	{ { .roomy = true }, moving },
	{ { .roomy = true }, next_epoch },
	{ { .roomy = true }, ack_sent },
	{ { .roomy = true }, syn_sent },
	{ { .roomy = true }, client_closing },
	{ { .roomy = true }, server_closing },
	{ { .roomy = true }, draining },
	{ { .roomy = true, .first_pn = (1ull << 32) - 30 }, in_flight },
};

static struct rig *
rig_of(unsigned nth)
{
	static struct rig *rigs[AEF_DIM(situations)];
	static void *images[AEF_DIM(situations)];

	for (unsigned i = 0; i < AEF_DIM(situations) && rigs[AEF_DIM(situations) - 1] == NULL;
	     i++) {
		rigs[i] = rig_create(&situations[i].setup);
		situations[i].build(rigs[i]);
		images[i] = rig_image(rigs[i]);
	}
	rig_restore(rigs[nth], images[nth]);
	return rigs[nth];
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static uint64_t
pick_pn(const struct rig *rig, unsigned to, struct aef_reader *r)
{
	const uint64_t next = rig_expected_pn(rig, to);
	const uint8_t how = aef_read_u8(r);
	uint64_t pn = next + (how & 7); /* a gap */

	if (how >= 0xf0) /* the next epochs, or a jump within this one */
		pn = (crypto_epoch(next) + 1 + (how >> 2 & 1)) * CRYPTO_EPOCH_PKTS + (how & 3);
	else if (how >= 0xe0)
		pn = next + ((uint64_t)aef_read_u8(r) << 8);
	else if (how >= 0xc0) /* late or repeated */
		pn = aef_sub_sat_u64(next, aef_read_u8(r));
	return aef_min_u64(pn, CRYPTO_PN_MAX);
}

/* What the packet says of the receiver's numbers: mostly nothing new. */
static void
pick_acks(const struct quantum_conn *conn, struct aef_reader *r, struct rig_craft *c)
{
	const uint32_t next = (uint32_t)quantum_rtx_pn_peek(&conn->rtx);
	const uint8_t how = aef_read_u8(r);

	c->ack = (uint32_t)conn->rtx.peer_ack;
	if ((how & 0x30) == 0x10)
		c->ack = next - aef_read_u8(r);
	else if ((how & 0x30) == 0x20)
		c->ack += aef_read_u8(r) & 7;
	else if ((how & 0x30) == 0x30)
		c->ack = aef_read_be32(r);
	c->nb_sacks = how >> 6 == 3 ? how & 7 : 0;
	for (unsigned i = 0; i < c->nb_sacks; i++) {
		const uint32_t first = next - aef_read_u8(r);

		aef_store_be32(c->sacks + i * WIRE_SACK_BYTES, first);
		aef_store_be32(c->sacks + i * WIRE_SACK_BYTES + 4, first + (aef_read_u8(r) & 15));
	}
}

static void
inject(struct rig *rig, unsigned to, struct aef_reader *r, uint8_t spoil)
{
	const struct quantum_conn *conn = rig->end[to].conn;
	const struct quantum_addr *usual = to == RIG_SERVER ? &rig->client_addr : &rig->server_addr;
	struct rig_craft c = { .spoil = spoil, .from = *usual };
	uint8_t payload[RIG_DGRAM_MAX];

	if (conn == NULL || !conn->keys->rx.active)
		return;
	const uint8_t mode = aef_read_u8(r);

	c.flags = mode & WIRE_FLAG_PSH;
	c.ecn = mode & 3;
	c.under_c = (mode & 4) != 0;
	c.as_ack = to == RIG_SERVER && (mode & 0x18) == 0x18;
	if ((mode & 0x40) != 0)
		c.from.port = aef_read_u8(r) & 3;
	if ((mode & 0x80) != 0)
		c.flags |=
			aef_read_u8(r) & (uint8_t) ~(WIRE_FLAG_SYN | WIRE_FLAG_ACK | WIRE_FLAG_RST);
	if (spoil != RIG_GENUINE)
		c.spoil_at = aef_read_u8(r);
	c.pn = pick_pn(rig, to, r);
	pick_acks(conn, r, &c);
	const uint32_t len = frames_write(r, conn, c.pn, payload, 1100);

	(void)rig_inject(rig, to, &c, payload, len);
}

/* Bytes that nobody sealed; the header can be made to fit. */
static void
inject_raw(struct rig *rig, unsigned to, struct aef_reader *r)
{
	uint8_t data[300];
	const uint8_t want = aef_read_u8(r);
	const size_t len = aef_min_u64(want, aef_reader_left(r));
	const uint8_t *raw = aef_read_bytes(r, len);
	const struct quantum_conn *conn = rig->end[to].conn;

	if (len > 0)
		memcpy(data, raw, len);
	if (len > 48 && conn != NULL && (data[0] & 1) != 0) {
		const struct wire_header hdr = { .version = WIRE_VERSION,
			                         .flags = data[5],
			                         .seq = (uint32_t)rig_expected_pn(rig, to),
			                         .payload_len = (uint16_t)(len - 48),
			                         .cid = data[1] & 1 ? conn->cid_c : conn->cid_s };

		wire_header_encode(data, &hdr);
	}
	struct wire_header got;

	/* A version reply needs no proof; it is a hint. */
	rig->forged = wire_classify(data, len, &got) != WIRE_CLASS_VERSION_REPLY;
	(void)rig_deliver(rig, to, data, (uint32_t)len, 0, NULL);
	rig->forged = false;
}

static void
reset(struct rig *rig, struct aef_reader *r)
{
	const struct quantum_conn *conn = rig->end[RIG_CLIENT].conn;
	uint8_t data[WIRE_RST_BYTES];
	const uint8_t at = aef_read_u8(r);

	if (conn == NULL)
		return;
	wire_rst_encode(data, (at & 0x40) != 0 ? &conn->cid_c : &conn->cid_s, conn->reset_token);
	rig->forged = at < 128 || !conn->has_reset_token || conn->state == CONN_CLOSED;
	if (at < 128)
		data[WIRE_HEADER_BYTES + (at & 15)] ^= 1;
	(void)rig_deliver(rig, RIG_CLIENT, data, sizeof(data), 0, NULL);
	rig->forged = false;
}

static void
exchange(struct rig *rig, struct aef_reader *r, uint8_t op)
{
	const uint8_t mask = aef_read_u8(r);

	rig_transmit(rig, RIG_CLIENT);
	rig_transmit(rig, RIG_SERVER);
	rig->now_ns += (uint64_t)(op & 7) * AEF_NS_PER_MS;
	const uint32_t nb = aef_min_u32(rig->nb_kept - rig->nb_passed, RIG_KEPT);

	rig->nb_passed = rig->nb_kept;
	for (uint32_t i = 0; i < nb; i++)
		if ((mask >> (i & 7) & 1) == 0) /* a mask of zeros loses nothing */
			rig_deliver_kept(rig, (op & 8) != 0 ? i : nb - 1 - i);
}

static void
application(struct rig *rig, unsigned end, struct aef_reader *r)
{
	struct quantum_conn *conn = rig->end[end].conn;
	const uint8_t op = aef_read_u8(r);
	uint8_t a;

	switch (op & 7) {
	case 0:
	case 1:
		send_some(rig, end, op >> 3 & 7, aef_read_u8(r) * (op > 127 ? 257u : 7u), op);
		break;
	case 2:
		a = aef_read_u8(r);
		open_some(rig, end, op >> 3, a, aef_read_u8(r));
		break;
	case 3:
		if (conn != NULL && op > 128)
			quantum_conn_close(conn, op, "fuzz", rig->now_ns);
		break;
	case 4:
		rig->client_addr.port += (op & 8) != 0;
		rig->client_addr.ip[0] += (op & 16) != 0;
		break;
	case 5:
		if (conn != NULL && quantum_conn_migrate(conn, rig->now_ns) > 0)
			abort();
		break;
	default:
		rig_drain(rig, end);
		break;
	}
}

static void
step(struct rig *rig, struct aef_reader *r)
{
	const uint8_t op = aef_read_u8(r);
	const unsigned to = op >> 7;

	switch (op & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		inject(rig, to, r, RIG_GENUINE);
		break;
	case 7:
	case 8:
		inject(rig, to, r, 1 + (op >> 4 & 7) % (RIG_NB_SPOILS - 1));
		break;
	case 9:
		inject_raw(rig, to, r);
		break;
	case 10:
		rig_deliver_kept(rig, op >> 4 & 7);
		break;
	case 11:
	case 12:
		exchange(rig, r, op >> 3);
		break;
	case 13:
		rig_pass(rig, (uint64_t)(aef_read_u8(r) + 1) << (13 + (op >> 4 & 7) * 2));
		break;
	case 14:
		reset(rig, r);
		break;
	default:
		application(rig, to, r);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	struct aef_reader r = aef_reader_make(in, size);
	struct rig *rig = rig_of(aef_read_u8(&r) % AEF_DIM(situations));

	for (unsigned i = 0; i < STEPS_MAX && aef_reader_left(&r) > 0; i++) {
		if (rig->end[0].nb_rcvd > 300 || rig->end[1].nb_rcvd > 300)
			break;
		step(rig, &r);
	}
	rig_transmit(rig, RIG_CLIENT);
	rig_transmit(rig, RIG_SERVER);
	rig_drain(rig, RIG_CLIENT);
	rig_drain(rig, RIG_SERVER);
	rig_finish(rig);
	return 0;
}
