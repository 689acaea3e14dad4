/* SPDX-License-Identifier: BSD-3-Clause */
#include "attacks.h"

#include <string.h>

#include <base/bytes.h>

#include "conn_priv.h"

#define PAYLOAD_MAX 1100u

static struct quantum_conn *
victim(const struct arena *a)
{
	return a->clients[VILLAIN].end[AT_SERVER].conn;
}

static void
send_frames(struct arena *a, struct villain *v, const struct aef_writer *w, const uint8_t *payload)
{
	(void)villain_send(a, v, 0, 0, NULL, 0, payload, (size_t)(w->p - payload));
}

/* ---- acknowledgements --------------------------------------------------------------------------
 */

/* */
static void
ack_of_the_unsent(struct arena *a, struct villain *v, unsigned tick)
{
	static const uint8_t ping = WIRE_FRAME_PING;

	if (tick > 0 || victim(a) == NULL)
		return;
	(void)villain_send(a, v, 0, (uint32_t)quantum_rtx_pn_peek(&victim(a)->rtx) + 100, NULL, 0,
	                   &ping, 1);
}

/* Ordinary traffic until the server has left a number out and not told so yet. */
static void
wait_for_a_skip(struct arena *a)
{
	arena_talk(a, VILLAIN, MS, 200);
	for (unsigned i = 0; i < 60000 && victim(a)->rtx.nb_skips == 0; i++)
		arena_run(a, MS);
	SIEGE_CHECK(a, victim(a)->rtx.nb_skips > 0, "no number was left out");
	arena_talk(a, VILLAIN, 0, 16);
}

/* */
static void
ack_of_the_skipped(struct arena *a, struct villain *v, unsigned tick)
{
	static const uint8_t ping = WIRE_FRAME_PING;
	uint8_t sack[WIRE_SACK_BYTES];

	if (tick > 0 || victim(a) == NULL)
		return;
	SIEGE_CHECK(a, victim(a)->rtx.nb_skips > 0, "the floor has passed the skip");
	aef_store_be32(sack, (uint32_t)victim(a)->rtx.skips[0].first);
	aef_store_be32(sack + 4, (uint32_t)victim(a)->rtx.skips[0].end);
	(void)villain_send(a, v, 0, (uint32_t)victim(a)->rtx.skips[0].first - 1, sack, 1, &ping, 1);
}

static void
talk_a_while(struct arena *a)
{
	arena_talk(a, VILLAIN, MS, 200);
	arena_run(a, 2 * S);
	arena_talk(a, VILLAIN, 0, 16);
	arena_run(a, 200 * MS);
}

/* 256 ranges a packet, all true and all old: 10^5 in half a second. */
static void
sack_ranges(struct arena *a, struct villain *v, unsigned tick)
{
	const uint32_t top = (uint32_t)(victim(a) != NULL ? victim(a)->rtx.floor_sent : 0);
	uint8_t payload[2200], ranges[WIRE_ACK_INFO_RANGES_MAX * WIRE_SACK_BYTES], sacks[64];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	const struct wire_frame_ack_info info = { .nb_ranges = WIRE_ACK_INFO_RANGES_MAX,
		                                  .ranges = ranges };

	if (tick >= 400 || victim(a) == NULL)
		return;
	for (uint32_t i = 0; i < WIRE_ACK_INFO_RANGES_MAX; i++) {
		const uint32_t first = top > 600 ? top - 2 * i - 2 : 0;

		aef_store_be32(ranges + (size_t)i * WIRE_SACK_BYTES, first);
		aef_store_be32(ranges + (size_t)i * WIRE_SACK_BYTES + 4, first + 1);
	}
	memcpy(sacks, ranges, sizeof(sacks));
	wire_ack_info_encode(&w, &info);
	aef_write_u8(&w, WIRE_FRAME_PING);
	(void)villain_send(a, v, 0, 0, sacks, WIRE_SACKS_MAX, payload, (size_t)(w.p - payload));
}

/* Every other number: the receiver would have to report a range for each. */
static void
holes(struct arena *a, struct villain *v, unsigned tick)
{
	static const uint8_t ping = WIRE_FRAME_PING;

	for (unsigned i = 0; i < 100 && tick < 1000; i++)
		(void)villain_send(a, v, 1, 0, NULL, 0, &ping, 1);
	SIEGE_CHECK(a, victim(a) == NULL || victim(a)->acktr.rcvd.nb_ranges <= 256,
	            "more than 256 ranges are kept");
}

/* ---- floods of frames --------------------------------------------------------------------------
 */

static void
challenges(struct arena *a, struct villain *v, unsigned tick)
{
	uint8_t payload[PAYLOAD_MAX];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	const uint8_t value[8] = { (uint8_t)tick, (uint8_t)(tick >> 8) };

	while (aef_writer_left(&w) >= 9)
		wire_path_encode(&w, WIRE_FRAME_PATH_CHALLENGE, value);
	for (unsigned i = 0; i < 10; i++)
		send_frames(a, v, &w, payload);
}

/* Blocks without end, none of them complete. */
static void
repair_bombs(struct arena *a, struct villain *v, unsigned tick)
{
	static const uint8_t symbol[900];
	uint8_t payload[PAYLOAD_MAX];

	for (unsigned i = 0; i < 10; i++) {
		struct aef_writer w = aef_writer_make(payload, sizeof(payload));
		struct wire_frame_fec_repair rep = {
			.block = (uint16_t)(tick * 10 + i), .k = 10, .m = 3, .idx = (uint8_t)(i % 3)
		};

		for (unsigned k = 0; k < 10; k++)
			rep.pn[k] = (uint32_t)v->pn + k + 1;
		wire_fec_repair_encode(&w, &rep);
		memcpy(w.p, symbol, sizeof(symbol));
		w.p += sizeof(symbol);
		send_frames(a, v, &w, payload);
	}
}

/* Credit that never comes: what the application wants to send to it stays here, within bounds. */
static void
zero_windows(struct arena *a, struct villain *v, unsigned tick)
{
	uint8_t payload[64];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	const struct wire_limits none = { .idle_timeout_ms = 60000 };
	struct arena_flow *flow = &a->clients[VILLAIN].end[AT_SERVER].flow;

	wire_limits_encode(&w, &none);
	if (tick % 10 == 0)
		send_frames(a, v, &w, payload);
	flow->every_ns = MS / 4;
	flow->bytes = 1000;
	flow->next_ns = aef_max_u64(flow->next_ns, a->now_ns);
}

static void
tiny_messages(struct arena *a, struct villain *v, unsigned tick)
{
	uint8_t payload[PAYLOAD_MAX];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	static uint64_t message;

	if (tick == 0)
		message = 0;
	while (aef_writer_left(&w) >= 16 && message < 100000) {
		const struct wire_frame_data data = {
			.order = WIRE_UNORDERED, .channel = 9, .message = message++, .len = 1
		};

		wire_data_header_encode(&w, &data, false);
		aef_write_u8(&w, 1);
	}
	if (w.p != payload)
		send_frames(a, v, &w, payload);
}

/* ---- ends and beginnings -----------------------------------------------------------------------
 */

/* It goes on when the other end has closed: an answer per round trip, for 3 PTO. */
static void
endless_close(struct arena *a, struct villain *v, unsigned tick)
{
	static const uint8_t ping = WIRE_FRAME_PING;

	if (tick == 0 && victim(a) != NULL) {
		quantum_conn_close(victim(a), 3, "enough", a->now_ns);
		v->down_pkts = 0;
	}
	if (victim(a) != NULL)
		SIEGE_CHECK(a, v->down_pkts <= 2 + tick / 40, "%llu answers behind a CLOSE",
		            (unsigned long long)v->down_pkts);
	for (unsigned i = 0; i < 5; i++)
		(void)villain_send(a, v, 0, 0, NULL, 0, &ping, 1);
	SIEGE_CHECK(a, tick < 1000 || victim(a) == NULL, "the close does not end");
	/* Then the id is unknown: resets, 100 a second. */
	SIEGE_CHECK(a, v->down_pkts <= 30 + 100 * (1 + tick / 1000), "%llu resets",
	            (unsigned long long)v->down_pkts);
}

/* Valid tokens, ACKs, and nothing more: each holds a connection for 10 s, none longer. */
static void
slow_handshakes(struct arena *a, struct villain *v, unsigned tick)
{
	(void)v;
	if (tick % 20 == 0 && tick < 64 * 20)
		arena_connect(a, a->conf.clients - 64 + tick / 20);
}

const struct attack attacks[] = {
	{ .name = "ack of the unsent", .act = ack_of_the_unsent, .must_close = true },
	{ .name = "ack of the skipped",
	  .act = ack_of_the_skipped,
	  .prepare = wait_for_a_skip,
	  .must_close = true },
	{ .name = "100,000 sack ranges", .act = sack_ranges, .prepare = talk_a_while },
	{ .name = "100,000 holes", .act = holes },
	{ .name = "challenge flood", .act = challenges },
	{ .name = "repair bombs", .act = repair_bombs },
	{ .name = "zero windows", .act = zero_windows },
	{ .name = "1-byte messages", .act = tiny_messages },
	{ .name = "endless close", .act = endless_close },
	{ .name = "slow handshakes", .act = slow_handshakes, .newcomers = 64 },
};
const unsigned nb_attacks = AEF_DIM(attacks);
