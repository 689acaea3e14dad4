/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <base/err.h>

#include "direct_priv.h"

#define BURST       32u
#define REPLY_BYTES 2048u /* as the buffers of the appliance's workers */

static int
reply_send(void *ctx, struct service_conn conn, const struct service_send *send,
           const struct service_slice *slices, uint32_t nb)
{
	struct lab_direct *d = ctx;
	const struct quantum_buf_ops ops = lab_buf_ops();
	struct direct_conn *dc = direct_find(d, conn.id);
	struct direct_item *item;

	if (dc == NULL || !dc->known)
		return AEF_ERR_CLOSED;
	item = direct_item_make(DIRECT_MESSAGE, conn.id, nb);
	item->channel = send->channel;
	item->report = send->report;
	item->key = send->key;
	item->cookie = send->cookie;
	for (uint32_t i = 0; i < nb; i++) {
		ops.get(ops.ctx, slices[i].owner);
		item->slices[i] =
			(struct quantum_slice){ slices[i].data, slices[i].len, slices[i].owner };
		item->len += slices[i].len;
	}
	direct_push(&d->to_engine, item);
	return 0;
}

/* The document service opens and closes nothing: it has no use for these. */
static int
reply_open(void *ctx, struct service_conn conn, uint16_t channel, const struct service_chan *chan)
{
	(void)ctx;
	(void)conn;
	(void)channel;
	(void)chan;
	return AEF_ERR_UNSUPPORTED;
}

static int
reply_close(void *ctx, struct service_conn conn, uint64_t code, const char *reason)
{
	(void)ctx;
	(void)conn;
	(void)code;
	(void)reason;
	return AEF_ERR_UNSUPPORTED;
}

static uint64_t
reply_room(void *ctx, struct service_conn conn)
{
	const struct direct_conn *dc = direct_find(ctx, conn.id);

	return dc != NULL && dc->known ? 256u << 10 : 0;
}

static void
reply_hold(void *ctx)
{
	struct lab_direct *d = ctx;

	d->hold = true;
}

static void *
buf_alloc(void *ctx, uint8_t **ret_data, uint32_t *ret_cap)
{
	const struct quantum_buf_ops ops = lab_buf_ops();

	(void)ctx;
	*ret_cap = REPLY_BYTES;
	return ops.alloc(ops.ctx, REPLY_BYTES, ret_data);
}

static void
buf_ref(void *ctx, void *buf)
{
	const struct quantum_buf_ops ops = lab_buf_ops();

	(void)ctx;
	ops.get(ops.ctx, buf);
}

int
direct_service_init(struct lab_direct *d, const struct statesync_conf *conf,
                    struct aef_alloc *alloc, uint64_t seed)
{
	const struct service_now now = { d->now_ns, delivery_unix_ms(&d->conf.clock, d->now_ns) };

	d->env_service = (struct service_env){
		.alloc = alloc,
		.buf = { .alloc = buf_alloc,
		         .ref = buf_ref,
		         .put = lab_buf_put,
		         .cap_bytes = REPLY_BYTES },
		.reply = { .send = reply_send,
		           .open = reply_open,
		           .close = reply_close,
		           .room = reply_room,
		           .hold = reply_hold,
		           .ctx = d },
		.conf = conf,
		.seed = seed,
	};
	return statesync_service.init(&d->env_service, &now, &d->svc);
}

/* @return false: the service wants it again later */
static bool
message(struct lab_direct *d, const struct direct_conn *dc, const struct direct_item *item,
        const struct service_now *now)
{
	struct service_slice *slices = calloc(item->nb_slices + 1, sizeof(*slices));
	struct service_msg msg = { .channel = item->channel,
		                   .order = item->order,
		                   .len = item->len,
		                   .nb_slices = item->nb_slices,
		                   .number = item->cookie,
		                   .key = item->key,
		                   .slices = slices };

	aef_assert(slices != NULL);
	for (uint32_t i = 0; i < item->nb_slices; i++)
		slices[i] = (struct service_slice){ item->slices[i].data, item->slices[i].len,
			                            item->slices[i].owner };
	d->hold = false;
	statesync_service.on_message(d->svc, (struct service_conn){ item->conn }, dc->user, &msg,
	                             now);
	free(slices);
	return !d->hold;
}

/* @return false: it stays where it is */
static bool
serve(struct lab_direct *d, struct direct_item *item, const struct service_now *now)
{
	const struct service_conn conn = { item->conn };
	struct direct_conn *dc = direct_find(d, item->conn);

	aef_assert(dc != NULL); /* its slot rests until GONE has gone back */
	switch (item->kind) {
	case DIRECT_CONNECT:
		dc->known = true;
		statesync_service.on_connect(d->svc, conn, &item->identity, now, &dc->user);
		break;
	case DIRECT_MESSAGE:
		if (!message(d, dc, item, now))
			return false;
		break;
	case DIRECT_SENT:
		if (statesync_service.on_sent != NULL)
			statesync_service.on_sent(d->svc, conn, dc->user, item->cookie,
			                          item->expired, now);
		break;
	default:
		statesync_service.on_disconnect(d->svc, conn, dc->user, item->why, now);
		dc->known = false;
		direct_push(&d->to_engine, direct_item_make(DIRECT_GONE, item->conn, 0));
		break;
	}
	direct_item_free(item, true);
	return true;
}

unsigned
lab_direct_service_poll(void *arg)
{
	struct lab_direct *d = arg;
	const uint64_t now_ns = delivery_now_ns(&d->conf.clock);
	const struct service_now now = { now_ns, delivery_unix_ms(&d->conf.clock, now_ns) };
	const bool due = now_ns >= d->timer_ns;
	unsigned work = 0;

	for (; work < BURST && d->to_service.head != d->to_service.tail; work++) {
		if (!serve(d, d->to_service.items[d->to_service.head % DIRECT_QUEUE], &now))
			break;
		(void)direct_pop(&d->to_service); /* served and freed */
	}
	if (work == 0 && !due)
		return 0;
	d->timer_ns = statesync_service.on_timer(d->svc, &now);
	return work + due;
}

uint64_t
lab_direct_service_next_ns(const void *arg)
{
	const struct lab_direct *d = arg;

	return d->timer_ns;
}
