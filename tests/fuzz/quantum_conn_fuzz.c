/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/quantum_conn_fuzz.c - a peer with the right keys that does whatever it likes.
 *
 * The input is a list of steps over an established pair: payloads of any bytes sealed for either
 * end, time, messages, moves, losses. At the end every pool is empty and every reference is back
 * (pair_fini checks it).
 */
#include <stdlib.h>

#include "conn_priv.h"
#include "unit/harness.h"
#include "unit/quantum/pair.h"

#define STEPS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static uint8_t loss;

static bool
drop(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)data;
	(void)len;
	return loss != 0 && (p->nb_to_server + 3 * p->nb_to_client + to_server) % (loss + 1u) == 0;
}

/* Bytes of hostile messages are not the pattern that pair_poll() would check. */
static void
drain(struct pair_end *end)
{
	struct quantum_event ev;

	while (quantum_conn_poll(end->conn, &ev) == 0)
		if (ev.type == QUANTUM_EVENT_MESSAGE)
			quantum_chans_discard(&end->conn->chans, &ev.msg);
}

static void
inject(struct pair *p, struct aef_reader *r, uint8_t op)
{
	const bool to_server = (op & 0x80) != 0;
	const uint16_t len = (uint16_t)(aef_read_u8(r) | (op & 0x40) << 2);
	const size_t take = aef_min_u64(len, aef_reader_left(r));
	const uint8_t *payload = aef_read_bytes(r, take);
	const struct pair_craft craft = { .flags = (op & 0x20) != 0 ? WIRE_FLAG_PSH : 0,
		                          .ecn = op >> 3 & 3 };
	const struct quantum_conn *from = to_server ? p->client.conn : p->server.conn;

	if (take > 0 && from->state <= CONN_CLOSING)
		(void)pair_inject(p, to_server, &craft, payload, take);
}

static void
step(struct pair *p, struct aef_reader *r)
{
	const uint8_t op = aef_read_u8(r);
	struct pair_end *end = (op & 0x80) != 0 ? &p->client : &p->server;
	int err = 0;

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		inject(p, r, op);
		break;
	case 3:
		pair_run(p, (uint64_t)aef_read_u8(r) * AEF_NS_PER_MS);
		break;
	case 4:
		err = pair_send(p, end, op >> 3 & 7, aef_read_u8(r) * 40u, op);
		break;
	case 5:
		p->client_addr.port += (op & 0x80) != 0;
		p->client_addr.ip[0] += (op & 0x40) != 0;
		break;
	case 6:
		loss = aef_read_u8(r) & 15;
		break;
	default:
		if (op == 0xff)
			quantum_conn_close(end->conn, op, "fuzz", p->now_ns);
		else
			drain(end);
		break;
	}
	if (err > 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	struct aef_reader r = aef_reader_make(in, size);
	struct pair p;

	loss = 0;
	pair_init_sized(&p, 1, 2, 0);
	p.conf.fec_always = size % 2 == 0;
	pair_establish(&p);
	p.filter = drop;
	for (unsigned i = 0; i < STEPS_MAX && aef_reader_left(&r) > 0; i++)
		step(&p, &r);
	loss = 0;
	drain(&p.client);
	drain(&p.server);
	pair_run(&p, AEF_NS_PER_S);
	drain(&p.client);
	drain(&p.server);
	pair_fini(&p);
	return 0;
}
