/* SPDX-License-Identifier: BSD-3-Clause */
#include "docclient_priv.h"

/* Text form within what the server takes: measured only when it could be too long. */
static int
check_size(struct docclient *dc, const struct text_op *op)
{
	const size_t max = dc->opened.op_bytes_max > 0 ? dc->opened.op_bytes_max : DOCMSG_OP_MAX;
	struct json_writer w;
	uint8_t *buf;
	bool fits;

	if ((size_t)op->text_bytes * 6 + (size_t)op->nb_comps * 20 + 8 <= max)
		return 0;
	buf = aef_alloc_get(dc->conf.alloc, max);
	if (buf == NULL)
		return AEF_ERR_FULL;
	json_writer_init(&w, buf, max);
	text_op_write(op, &w);
	fits = !json_writer_failed(&w);
	aef_alloc_put(dc->conf.alloc, buf, max);
	return fits ? 0 : AEF_ERR_LIMIT;
}

/* Apply locally, put in flight, send. Takes the contents of @p op. */
static int
commit(struct docclient *dc, struct text_op *op, uint64_t now_ns)
{
	struct text_client_msg msg;
	int r;

	if (dc->state == DOCCLIENT_FAILED || dc->loading || dc->fresh)
		return AEF_ERR_STATE;
	if (dc->tc.nb_out == dc->tc.window)
		return AEF_ERR_FULL;
	text_op_drop_deleted(op);
	r = check_size(dc, op);
	if (r == 0)
		r = text_op_apply(&dc->rope, op, NULL);
	if (r != 0 || text_op_is_empty(op))
		return r;
	r = text_client_send(&dc->tc, op, &msg);
	aef_assert(r == 0);
	dc->edit_ns[msg.seq % dc->conf.window] = now_ns;
	dc->stats.ops_made++;
	dc->stats.in_flight_sum += dc->tc.nb_out;
	dc->stats.in_flight_max = aef_max_u32(dc->stats.in_flight_max, dc->tc.nb_out);
	if (!dc->conf.manual_flush)
		docclient_send_pending(dc);
	return 0;
}

int
docclient_replace(struct docclient *dc, uint32_t pos, uint32_t nb, const uint8_t *utf8, size_t len,
                  uint64_t now_ns)
{
	struct text_op op;
	int r;

	text_op_init(&op, dc->conf.alloc);
	r = text_op_keep(&op, pos);
	if (r == 0)
		r = text_op_insert(&op, utf8, len);
	if (r == 0)
		r = text_op_delete(&op, nb);
	if (r == 0) {
		text_op_trim(&op);
		r = commit(dc, &op, now_ns);
	}
	text_op_fini(&op);
	return r;
}

int
docclient_insert(struct docclient *dc, uint32_t pos, const uint8_t *utf8, size_t len,
                 uint64_t now_ns)
{
	return docclient_replace(dc, pos, 0, utf8, len, now_ns);
}

int
docclient_delete(struct docclient *dc, uint32_t pos, uint32_t nb, uint64_t now_ns)
{
	return docclient_replace(dc, pos, nb, NULL, 0, now_ns);
}

int
docclient_edit(struct docclient *dc, const struct text_op *op, uint64_t now_ns)
{
	struct text_op copy;
	int r;

	text_op_init(&copy, dc->conf.alloc);
	r = text_op_copy(op, &copy);
	if (r == 0)
		r = commit(dc, &copy, now_ns);
	text_op_fini(&copy);
	return r;
}
