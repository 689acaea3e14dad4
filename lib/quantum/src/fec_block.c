/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"

#define FLUSH_MAX_NS   (5 * AEF_NS_PER_MS)
#define ADAPT_MIN_NS   (50 * AEF_NS_PER_MS)
#define ADAPT_MIN_PKTS 16u
#define SHORT_RTT_NS   (10 * AEF_NS_PER_MS) /* below it a retransmission is soon enough */
#define QUEUE_SLACK_NS (10 * AEF_NS_PER_MS)
#define FEC_RX_IDLE_NS AEF_NS_PER_S /* blocks of a quiet peer hold buffers no longer than this */

/* Smoothed loss, in millionths, from which so many repair symbols protect a full block. */
static const uint32_t level_ppm[] = { 1000, 15000, 60000 };

/* ---- transmit ----------------------------------------------------------------------------------
 */

static uint8_t
level_for(uint32_t loss_ppm)
{
	uint8_t level = 0;

	while (level < AEF_DIM(level_ppm) && loss_ppm >= level_ppm[level])
		level++;
	return level;
}

/*
 * Up while loss looks random, down when it comes with a growing queue, off on a short path
 * or without loss.
 */
static void
adapt(struct quantum_conn *conn, uint64_t now_ns)
{
	struct fec_state *fec = &conn->fec;
	const uint64_t sent = conn->rtx.nb_sent_total - fec->adapt_sent;
	const uint64_t lost_total = conn->rtx.nb_lost_total - conn->rtx.nb_spurious_total;
	uint32_t sample;
	uint8_t level;

	if (now_ns < fec->adapt_ns || sent < ADAPT_MIN_PKTS)
		return;
	sample = (uint32_t)aef_mul_div_u64(aef_sub_sat_u64(lost_total, fec->adapt_lost), 1000000,
	                                   sent);
	fec->loss_ppm = sample > fec->loss_ppm ? (fec->loss_ppm + sample) / 2
	                                       : (7 * fec->loss_ppm + sample) / 8;
	fec->adapt_sent = conn->rtx.nb_sent_total;
	fec->adapt_lost = lost_total;
	fec->adapt_ns = now_ns + aef_max_u64(conn->rtt.srtt_ns, ADAPT_MIN_NS);
	level = level_for(fec->loss_ppm);
	if (conn->rtt.srtt_ns > conn->rtt.min_ns + conn->rtt.min_ns / 2 + QUEUE_SLACK_NS &&
	    level > 0)
		level--;
	if (conn->rtt.min_ns < SHORT_RTT_NS)
		level = 0;
	if (level > conn->conf.fec_m)
		level = conn->conf.fec_m;
	if (level != fec->level)
		conn_trace(conn, now_ns, QUANTUM_TRACE_FEC_LEVEL, level, fec->level);
	fec->level = level;
}

bool
fec_tx_on(const struct quantum_conn *conn)
{
	if (conn->conf.fec_m == 0 || conn->conf.fec_k == 0)
		return false;
	/* Each packet carries ACCEPT until then, and a repair packet has no room for it. */
	if (conn->is_server && !conn->confirmed)
		return false;
	/* A flow that fills the window gains nothing from repair; the tail of a burst does. */
	return conn->conf.fec_always ||
	       (conn->fec.level > 0 && quantum_rate_is_app_limited(&conn->rate));
}

static bool
open_block(struct quantum_conn *conn)
{
	struct fec_tx *tx = conn->fec.tx;
	uint8_t *bufs[FEC_M_MAX];

	if (tx == NULL) {
		tx = aef_pool_get(&conn->env->fec_tx);
		if (tx == NULL)
			return false;
		conn->fec.tx = tx;
		tx->repair_m = tx->repair_next = 0;
		tx->flush_ns = AEF_TIME_NEVER;
		for (unsigned i = 0; i < FEC_M_MAX; i++)
			bufs[i] = tx->bufs[i];
		if (fec_encoder_init(&tx->enc, bufs, FEC_M_MAX, WIRE_MTU_MAX) != 0)
			return false;
	}
	if (tx->enc.nb_sources == 0)
		tx->block = conn->fec.next_block;
	return true;
}

bool
fec_tx_mark(struct quantum_conn *conn, struct aef_writer *w, const uint8_t *payload)
{
	const struct fec_tx *tx;
	const size_t max =
		conn->pmtu.mtu - WIRE_HEADER_BYTES - WIRE_TAG_BYTES - FEC_PAYLOAD_RESERVE;
	const size_t used = (size_t)(w->p - payload);

	/* While repair symbols wait to be sent their buffers are not free. */
	if (fec_tx_repair_due(conn) || used + WIRE_FEC_SOURCE_BYTES >= max || !open_block(conn))
		return false;
	tx = conn->fec.tx;
	if (w->end > payload + max)
		w->end = w->p + (max - used);
	wire_fec_source_encode(w, tx->block, tx->enc.nb_sources);
	return true;
}

/* Fewer symbols for short blocks: one copy of a lone packet is 100 % already. */
static uint8_t
symbols_for(const struct quantum_conn *conn, uint8_t k)
{
	const uint8_t level = conn->conf.fec_always ? conn->conf.fec_m : conn->fec.level;

	if (conn->conf.fec_always || level == 0)
		return level == 0 ? 1 : level;
	return k == 1 ? (uint8_t)((level + 1) / 2) : level;
}

/* The code and the symbols are those of fec.h. */
static void
close_block(struct quantum_conn *conn)
{
	struct fec_tx *tx = conn->fec.tx;
	const uint8_t k = tx->enc.nb_sources;
	const uint8_t m = symbols_for(conn, k);
	const int len = fec_encoder_finish(&tx->enc, m);

	tx->flush_ns = AEF_TIME_NEVER;
	conn->fec.next_block++;
	if (len < 0) {
		fec_encoder_reset(&tx->enc);
		return;
	}
	tx->symbol_len = (uint16_t)len;
	tx->repair_k = k;
	tx->repair_m = m;
	tx->repair_next = 0;
}

void
fec_tx_add(struct quantum_conn *conn, const uint8_t *payload, size_t len, uint64_t pn,
           uint64_t now_ns)
{
	struct fec_tx *tx = conn->fec.tx;
	const uint8_t k = tx->enc.nb_sources;

	if (fec_encoder_add(&tx->enc, &conn->env->fec, payload, (uint16_t)len) != 0)
		return; /* cannot happen within the limits of fec_tx_mark(); then it is unprotected
		         */
	tx->pn[k] = (uint32_t)pn;
	conn->stats.fec_source_pkts++;
	if (k == 0)
		tx->flush_ns = now_ns + aef_min_u64(conn->rtt.srtt_ns / 4, FLUSH_MAX_NS);
	if (tx->enc.nb_sources >= conn->conf.fec_k)
		close_block(conn);
}

bool
fec_tx_is_open(const struct quantum_conn *conn)
{
	return conn->fec.tx != NULL && conn->fec.tx->enc.nb_sources > 0;
}

bool
fec_tx_repair_due(const struct quantum_conn *conn)
{
	return conn->fec.tx != NULL && conn->fec.tx->repair_next < conn->fec.tx->repair_m;
}

bool
fec_tx_repair_write(struct quantum_conn *conn, struct aef_writer *w)
{
	struct fec_tx *tx = conn->fec.tx;
	struct wire_frame_fec_repair rep = {
		.block = tx->block, .k = tx->repair_k, .m = tx->repair_m, .idx = tx->repair_next
	};
	const bool last = ++tx->repair_next == tx->repair_m;

	for (unsigned i = 0; i < tx->repair_k; i++)
		rep.pn[i] = tx->pn[i];
	wire_fec_repair_encode(w, &rep);
	aef_write_bytes(w, tx->bufs[rep.idx], tx->symbol_len);
	if (!w->err)
		conn->stats.fec_repair_pkts++;
	if (last) { /* the object is large: idle connections do not keep it */
		aef_pool_put(&conn->env->fec_tx, tx);
		conn->fec.tx = NULL;
	}
	return !w->err;
}

static void
held_put(const struct quantum_env *env, struct fec_held *held)
{
	if (held->data != NULL)
		env->buf.put(env->buf.ctx, held->owner);
	held->data = NULL;
}

static void
block_release(struct quantum_conn *conn, struct fec_rx_block *block)
{
	for (unsigned i = 0; i < FEC_K_MAX; i++)
		held_put(conn->env, &block->source[i]);
	for (unsigned i = 0; i < FEC_M_MAX; i++)
		held_put(conn->env, &block->repair[i]);
	block->nb_sources = block->nb_repairs = 0;
}

static void
rx_release(struct quantum_conn *conn)
{
	for (unsigned i = 0; i < FEC_RX_BLOCKS; i++)
		block_release(conn, &conn->fec.rx->block[i]);
	aef_pool_put(&conn->env->fec_rx, conn->fec.rx);
	conn->fec.rx = NULL;
}

uint64_t
fec_deadline_ns(const struct quantum_conn *conn)
{
	const uint64_t flush = conn->fec.tx != NULL ? conn->fec.tx->flush_ns : AEF_TIME_NEVER;

	return conn->fec.rx != NULL ? aef_min_u64(flush, conn->fec.rx->until_ns) : flush;
}

void
fec_on_deadline(struct quantum_conn *conn, uint64_t now_ns)
{
	struct fec_tx *tx = conn->fec.tx;

	if (conn->conf.fec_m != 0)
		adapt(conn, now_ns);
	if (conn->fec.rx != NULL && now_ns >= conn->fec.rx->until_ns)
		rx_release(conn);
	if (tx == NULL)
		return;
	if (now_ns >= tx->flush_ns)
		close_block(conn);
	if (tx->enc.nb_sources == 0 && !fec_tx_repair_due(conn)) {
		aef_pool_put(&conn->env->fec_tx, tx);
		conn->fec.tx = NULL;
	}
}

/* ---- receive -----------------------------------------------------------------------------------
 */

void
fec_fini(struct quantum_conn *conn)
{
	if (conn->fec.rx != NULL)
		rx_release(conn);
	aef_pool_put(&conn->env->fec_tx, conn->fec.tx);
	conn->fec = (struct fec_state){ 0 };
}

/* The block with this id, opened if need be; NULL: too old, or no memory. */
static struct fec_rx_block *
block_of(struct quantum_conn *conn, uint16_t id, uint64_t now_ns)
{
	struct fec_rx *rx = conn->fec.rx;
	struct fec_rx_block *block;
	int16_t ahead;

	if (rx == NULL) {
		rx = aef_pool_get(&conn->env->fec_rx);
		if (rx == NULL)
			return NULL;
		memset(rx, 0, sizeof(*rx));
		rx->newest = id;
		conn->fec.rx = rx;
	}
	rx->until_ns = now_ns + FEC_RX_IDLE_NS;
	ahead = (int16_t)(id - rx->newest);
	if (ahead < -FEC_BLOCK_SPAN)
		return NULL;
	if (ahead > 0)
		rx->newest = id;
	block = &rx->block[id % FEC_RX_BLOCKS];
	if (block->used && block->id == id)
		return block;
	if (block->used && (int16_t)(id - block->id) < 0)
		return NULL;
	block_release(conn, block);
	memset(block, 0, sizeof(*block));
	block->used = true;
	block->id = id;
	return block;
}

static unsigned
missing(const struct fec_rx_block *block)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < block->k; i++)
		nb += block->source[i].data == NULL;
	return nb;
}

static void
use_recovered(struct quantum_conn *conn, struct fec_rx_block *block,
              const struct fec_recovered *rec, void *owner, uint64_t now_ns)
{
	const uint64_t pn = crypto_pn_expand(conn->acktr.end, block->pn[rec->source_idx]);

	if (conn->state != CONN_ESTABLISHED ||
	    conn_rx_recovered(conn, rec, owner, now_ns) != QUANTUM_VERDICT_ACCEPTED)
		return;
	/* It stays a hole in ack and SACK; ACK_INFO lists it. */
	quantum_acktr_on_recovered(&conn->acktr, pn);
	conn->stats.fec_recovered_pkts++;
	conn_trace(conn, now_ns, QUANTUM_TRACE_FEC_RECOVERED, pn, block->id);
}

static enum quantum_verdict
decode(struct quantum_conn *conn, struct fec_rx_block *block, uint64_t now_ns)
{
	const struct quantum_buf_ops *buf = &conn->env->buf;
	struct fec_block in = { .k = block->k, .m = block->m, .nb_repairs = block->nb_repairs };
	struct fec_recovered out[FEC_M_MAX];
	void *owner[FEC_M_MAX] = { NULL };
	const unsigned nb_lost = missing(block);
	unsigned nb = 0;
	int nb_out;

	for (unsigned i = 0; i < block->k; i++)
		in.source[i] = (struct fec_source){ block->source[i].data, block->source[i].len };
	for (unsigned i = 0; i < block->nb_repairs; i++)
		in.repair[i] = (struct fec_repair){ block->repair[i].data, block->repair[i].len,
			                            block->repair_idx[i] };
	for (; nb < nb_lost && nb < FEC_M_MAX; nb++) {
		owner[nb] = buf->alloc(buf->ctx, block->symbol_len, &out[nb].buf);
		if (owner[nb] == NULL)
			break;
		out[nb].buf_size = block->symbol_len;
	}
	nb_out = nb > 0 ? fec_decode(&conn->env->fec, &in, out, nb) : AEF_ERR_FULL;
	for (int i = 0; i < nb_out; i++)
		use_recovered(conn, block, &out[i], owner[i], now_ns);
	for (unsigned i = 0; i < nb; i++)
		buf->put(buf->ctx, owner[i]);
	if (nb_out == AEF_ERR_MALFORMED) {
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
		return QUANTUM_VERDICT_PROTOCOL;
	}
	if (nb_out >= (int)nb_lost)
		block->done = true;
	return QUANTUM_VERDICT_ACCEPTED;
}

static enum quantum_verdict
try_block(struct quantum_conn *conn, struct fec_rx_block *block, uint64_t now_ns)
{
	enum quantum_verdict verdict = QUANTUM_VERDICT_ACCEPTED;
	unsigned nb_lost;

	if (block->k == 0)
		return verdict;
	nb_lost = missing(block);
	if (nb_lost == 0)
		block->done = true;
	else if (block->nb_repairs > 0 && (nb_lost <= block->nb_repairs || block->k <= 2))
		verdict = decode(conn, block, now_ns);
	if (block->done)
		block_release(conn, block);
	return verdict;
}

static void
hold(const struct quantum_env *env, struct fec_held *slot, const struct fec_held *held)
{
	*slot = *held;
	env->buf.get(env->buf.ctx, held->owner);
}

enum quantum_verdict
fec_rx_source(struct quantum_conn *conn, uint16_t id, uint8_t idx, const struct fec_held *held,
              uint64_t now_ns)
{
	struct fec_rx_block *block = conn_is_open(conn) ? block_of(conn, id, now_ns) : NULL;

	if (block == NULL || block->done || block->source[idx].data != NULL)
		return QUANTUM_VERDICT_ACCEPTED;
	hold(conn->env, &block->source[idx], held);
	block->nb_sources++;
	return try_block(conn, block, now_ns);
}

enum quantum_verdict
fec_rx_repair(struct quantum_conn *conn, const struct wire_frame_fec_repair *repair, void *owner,
              uint64_t now_ns)
{
	struct fec_rx_block *block =
		conn_is_open(conn) ? block_of(conn, repair->block, now_ns) : NULL;
	const struct fec_held held = { .data = repair->symbol,
		                       .len = repair->symbol_len,
		                       .owner = owner };

	if (block == NULL || block->done)
		return QUANTUM_VERDICT_ACCEPTED;
	if (block->k == 0) {
		block->k = repair->k;
		block->m = repair->m;
		block->symbol_len = repair->symbol_len;
		for (unsigned i = 0; i < repair->k; i++)
			block->pn[i] = repair->pn[i];
	} else if (block->k != repair->k || block->m != repair->m ||
	           block->symbol_len != repair->symbol_len) {
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
		return QUANTUM_VERDICT_PROTOCOL;
	}
	for (unsigned i = 0; i < block->nb_repairs; i++)
		if (block->repair_idx[i] == repair->idx)
			return QUANTUM_VERDICT_ACCEPTED;
	block->repair_idx[block->nb_repairs] = repair->idx;
	hold(conn->env, &block->repair[block->nb_repairs++], &held);
	return try_block(conn, block, now_ns);
}
