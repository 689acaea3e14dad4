/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "docclient_priv.h"

#define DEFAULT_DOC_BYTES  (64u << 20)
#define DEFAULT_HELD_BYTES (16u << 20)
#define DEFAULT_COALESCE   64u

int
docclient_create(const struct docclient_conf *conf, struct docclient **ret_client)
{
	struct docclient *dc;

	if (conf->codec == NULL || conf->alloc == NULL || conf->io.send == NULL ||
	    conf->coalesce > DOCMSG_OPS_MAX)
		return AEF_ERR_INVALID;
	dc = aef_alloc_get(conf->alloc, sizeof(*dc));
	if (dc == NULL)
		return AEF_ERR_FULL;
	memset(dc, 0, sizeof(*dc));
	dc->conf = *conf;
	if (dc->conf.window == 0)
		dc->conf.window = TEXT_CLIENT_WINDOW;
	if (dc->conf.coalesce == 0)
		dc->conf.coalesce = DEFAULT_COALESCE;
	if (dc->conf.doc_bytes_max == 0)
		dc->conf.doc_bytes_max = DEFAULT_DOC_BYTES;
	if (dc->conf.held_bytes_max == 0)
		dc->conf.held_bytes_max = DEFAULT_HELD_BYTES;
	text_rope_init(&dc->rope, conf->alloc);
	dc->edit_ns = aef_alloc_get(conf->alloc, dc->conf.window * sizeof(*dc->edit_ns));
	if (dc->edit_ns == NULL || docclient_start_over(dc, 0, 0, NULL) != 0) {
		docclient_destroy(dc);
		return AEF_ERR_FULL;
	}
	*ret_client = dc;
	return 0;
}

static void
drop_snapshot(struct docclient *dc)
{
	if (dc->snap != NULL)
		aef_alloc_put(dc->conf.alloc, dc->snap, dc->opened.snapshot_bytes);
	dc->snap = NULL;
	dc->loading = false;
}

void
docclient_destroy(struct docclient *dc)
{
	if (dc == NULL)
		return;
	struct aef_alloc *alloc = dc->conf.alloc;

	docclient_hold_drop(dc);
	drop_snapshot(dc);
	text_client_fini(&dc->tc);
	text_rope_fini(&dc->rope);
	aef_alloc_put(alloc, dc->edit_ns, dc->conf.window * sizeof(*dc->edit_ns));
	aef_alloc_put(alloc, dc->authors, AUTHORS_MAX * sizeof(*dc->authors));
	aef_alloc_put(alloc, dc, sizeof(*dc));
}

void
docclient_tell(struct docclient *dc, struct docclient_change *change, uint64_t now_ns)
{
	change->version = dc->tc.version;
	change->now_ns = now_ns;
	if (dc->conf.io.on_change != NULL)
		dc->conf.io.on_change(dc->conf.io.ctx, change);
}

void
docclient_set_state(struct docclient *dc, enum docclient_state state, uint64_t now_ns)
{
	struct docclient_change change = { .what = DOCCLIENT_STATE };

	if (dc->state == state)
		return;
	dc->state = state;
	docclient_tell(dc, &change, now_ns);
}

void
docclient_fail(struct docclient *dc, enum docclient_error error, uint64_t now_ns)
{
	dc->error = error;
	dc->want_open = false;
	docclient_set_state(dc, DOCCLIENT_FAILED, now_ns);
}

int
docclient_start_over(struct docclient *dc, uint64_t version, uint64_t last_seq,
                     const struct docmsg_digest *digest)
{
	struct text_digest start;

	text_digest_init(&start);
	if (digest != NULL)
		memcpy(start.b, digest->b, sizeof(start.b));
	text_client_fini(&dc->tc);
	text_rope_fini(&dc->rope);
	dc->nb_sent = 0;
	return text_client_init(&dc->tc, dc->conf.alloc, dc->conf.window, version, last_seq,
	                        &start);
}

void
docclient_tell_lost(struct docclient *dc, uint64_t seq, uint32_t reason, uint64_t now_ns)
{
	const uint64_t first = dc->tc.next_seq - dc->tc.nb_out;
	struct docclient_change change = { .what = DOCCLIENT_LOST, .reason = reason };

	change.seq = aef_max_u64(seq, first);
	if (change.seq >= dc->tc.next_seq)
		return;
	change.count = (uint32_t)(dc->tc.next_seq - change.seq);
	dc->stats.ops_lost += change.count;
	docclient_tell(dc, &change, now_ns);
}

/* ---- opening ---- */

static int
send_msg(struct docclient *dc, const uint8_t *data, size_t len)
{
	const int r = dc->conf.io.send(dc->conf.io.ctx, data, len);

	if (r != 0) {
		dc->stats.sends_refused++;
		return r;
	}
	dc->stats.msgs_sent++;
	dc->stats.bytes_sent += len;
	return 0;
}

static void
send_open(struct docclient *dc)
{
	uint8_t buf[2 * DOCMSG_OVERHEAD_MAX];
	struct docmsg msg = { .kind = DOCMSG_OPEN, .doc = dc->conf.doc };
	int64_t n;

	msg.u.open = (struct docmsg_open){
		.client_id = dc->conf.client_id,
		.have_state = !dc->fresh,
		.from_version = dc->fresh ? 0 : dc->tc.version,
		.has_pending = !dc->fresh && dc->tc.nb_out > 0,
		.create = dc->conf.create,
	};
	msg.u.open.digest.present = !dc->fresh;
	memcpy(msg.u.open.digest.b, dc->tc.digest.b, sizeof(msg.u.open.digest.b));
	n = dc->conf.codec->encode(&msg, buf, sizeof(buf));
	aef_assert(n > 0);
	dc->want_open = send_msg(dc, buf, (size_t)n) != 0;
	if (dc->want_open)
		return;
	dc->asked_pending = msg.u.open.has_pending;
	dc->stats.opens++;
}

void
docclient_reopen(struct docclient *dc, uint64_t now_ns)
{
	/* A snapshot that was coming in had replaced the text already. */
	dc->fresh = dc->fresh || dc->loading;
	drop_snapshot(dc);
	docclient_hold_drop(dc);
	dc->want_open = true;
	docclient_set_state(dc, DOCCLIENT_OPENING, now_ns);
	send_open(dc);
}

void
docclient_connected(struct docclient *dc, uint64_t now_ns)
{
	if (dc->error == DOCCLIENT_DIVERGED || dc->error == DOCCLIENT_MEMORY)
		return;
	dc->error = DOCCLIENT_OK;
	dc->reason = 0;
	docclient_reopen(dc, now_ns);
}

void
docclient_disconnected(struct docclient *dc, uint64_t now_ns)
{
	dc->fresh = dc->fresh || dc->loading;
	drop_snapshot(dc);
	docclient_hold_drop(dc);
	dc->want_open = false;
	if (dc->state != DOCCLIENT_FAILED)
		docclient_set_state(dc, DOCCLIENT_OFFLINE, now_ns);
}

/* ---- sending ---- */

static bool
may_send(const struct docclient *dc)
{
	if (dc->state != DOCCLIENT_LIVE && dc->state != DOCCLIENT_CATCHUP)
		return false;
	/* Own operations the server has committed must be known here first: [min_base]. */
	return !dc->loading && dc->tc.version >= dc->opened.min_base;
}

/* Bytes that the text form of an operation takes at most. */
static size_t
json_bound(const struct text_op *op)
{
	/* \u0000 for a byte; brackets, a number of ten digits, {"d":} and a comma for a component.
	 */
	return (size_t)op->text_bytes * 6 + (size_t)op->nb_comps * 20 + 8;
}

/* How many operations go into the next message. */
static uint32_t
next_batch(const struct docclient *dc, size_t *ret_bytes)
{
	const uint32_t in_flight_max = aef_min_u32(dc->opened.window, dc->tc.nb_out);
	struct text_client_msg pending;
	size_t bytes = 0;
	uint32_t nb = 0;

	while (nb < dc->conf.coalesce && dc->nb_sent + nb < in_flight_max &&
	       text_client_pending(&dc->tc, dc->nb_sent + nb, &pending) == 0) {
		const size_t more = json_bound(pending.op);

		if (nb > 0 && bytes + more > SEND_BYTES)
			break;
		bytes += more;
		nb++;
	}
	*ret_bytes = bytes;
	return nb;
}

/* Write @p nb operations into @p buf and the message behind them; send it. */
static int
send_batch(struct docclient *dc, uint32_t nb, size_t json_bytes, uint8_t *buf, size_t cap)
{
	struct docmsg_bytes data[DOCMSG_OPS_MAX];
	struct docmsg msg = { .kind = DOCMSG_APPLY, .doc = dc->conf.doc };
	size_t used = 0;
	int64_t n;

	for (uint32_t i = 0; i < nb; i++) {
		struct text_client_msg pending;
		struct json_writer w;
		const int r = text_client_pending(&dc->tc, dc->nb_sent + i, &pending);

		aef_assert(r == 0);
		if (i == 0) {
			msg.u.apply.base = pending.base;
			msg.u.apply.first_seq = pending.seq;
		}
		json_writer_init(&w, buf + used, json_bytes - used);
		text_op_write(pending.op, &w);
		aef_assert(!json_writer_failed(&w));
		data[i] = (struct docmsg_bytes){ buf + used, (uint32_t)json_writer_bytes(&w) };
		used += data[i].len;
	}
	msg.u.apply.data = data;
	msg.u.apply.nb = nb;
	n = dc->conf.codec->encode(&msg, buf + used, cap - used);
	aef_assert(n > 0);
	return send_msg(dc, buf + used, (size_t)n);
}

void
docclient_send_pending(struct docclient *dc)
{
	while (may_send(dc)) {
		uint8_t small[SEND_ON_STACK], *buf = small;
		size_t json, cap;
		const uint32_t nb = next_batch(dc, &json);
		int r;

		if (nb == 0)
			return;
		cap = 2 * json + DOCMSG_OVERHEAD_MAX + nb * DOCMSG_OP_OVERHEAD;
		if (cap > sizeof(small))
			buf = aef_alloc_get(dc->conf.alloc, cap);
		if (buf == NULL)
			return;
		r = send_batch(dc, nb, json, buf, cap);
		if (buf != small)
			aef_alloc_put(dc->conf.alloc, buf, cap);
		if (r != 0)
			return;
		dc->nb_sent += nb;
	}
}

void
docclient_flush(struct docclient *dc, uint64_t now_ns)
{
	(void)now_ns;
	docclient_send_pending(dc);
}

void
docclient_poll(struct docclient *dc, uint64_t now_ns)
{
	(void)now_ns;
	if (dc->want_open)
		send_open(dc);
	docclient_send_pending(dc);
}

/* ---- readers ---- */

const struct text_rope *
docclient_text(const struct docclient *dc)
{
	return &dc->rope;
}

uint64_t
docclient_version(const struct docclient *dc)
{
	return dc->tc.version;
}

uint64_t
docclient_head(const struct docclient *dc)
{
	return aef_max_u64(dc->head, dc->tc.version);
}

void
docclient_digest(const struct docclient *dc, uint8_t ret_digest[DOCMSG_DIGEST_BYTES])
{
	memcpy(ret_digest, dc->tc.digest.b, DOCMSG_DIGEST_BYTES);
}

uint32_t
docclient_in_flight(const struct docclient *dc)
{
	return dc->tc.nb_out;
}

uint64_t
docclient_last_seq(const struct docclient *dc)
{
	return dc->tc.next_seq - 1;
}

enum docclient_state
docclient_state(const struct docclient *dc)
{
	return dc->state;
}

enum docclient_error
docclient_error(const struct docclient *dc)
{
	return dc->error;
}

const char *
docclient_error_name(enum docclient_error error)
{
	static const char *const names[] = {
		[DOCCLIENT_OK] = "ok",
		[DOCCLIENT_DIVERGED] = "diverged: digest differs from the server's",
		[DOCCLIENT_REFUSED] = "refused by the server",
		[DOCCLIENT_PROTOCOL] = "the server broke the protocol",
		[DOCCLIENT_MEMORY] = "memory budget used up",
	};

	return (unsigned)error < AEF_DIM(names) ? names[error] : "unknown";
}

uint32_t
docclient_reason(const struct docclient *dc)
{
	return dc->reason;
}

const struct docclient_stats *
docclient_stats(const struct docclient *dc)
{
	return &dc->stats;
}
