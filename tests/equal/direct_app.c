/* SPDX-License-Identifier: BSD-3-Clause */
/* The application of the direct server: the same service, called without rings or credits. */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#include "direct.h"

void
items_init(struct items *items)
{
	items->head = NULL;
	items->tail = &items->head;
}

struct item *
item_make(struct items *to, enum item_kind kind, uint64_t conn, uint32_t nb_slices)
{
	struct item *item = calloc(1, sizeof(*item) + (size_t)nb_slices * sizeof(item->slices[0]));

	if (item == NULL)
		abort();
	item->kind = kind;
	item->conn = conn;
	item->nb_slices = nb_slices;
	*to->tail = item;
	to->tail = &item->next;
	return item;
}

struct item *
item_pop(struct items *from)
{
	struct item *item = from->head;

	if (item == NULL)
		return NULL;
	from->head = item->next;
	if (from->head == NULL)
		from->tail = &from->head;
	return item;
}

/* ---- what the service is given -----------------------------------------------------------------
 */

static void *
app_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
app_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static void *
app_buf_alloc(void *ctx, uint8_t **ret_data, uint32_t *ret_cap)
{
	struct direct *d = ctx;
	struct equal_buf *buf = buf_get(d->world, EQUAL_BUF_BYTES);

	*ret_data = buf->data;
	*ret_cap = EQUAL_BUF_BYTES;
	return buf;
}

static void
app_buf_ref(void *ctx, void *buf)
{
	(void)ctx;
	((struct equal_buf *)buf)->refs++;
}

static void
app_buf_put(void *ctx, void *buf)
{
	(void)ctx;
	buf_put(buf);
}

static int
app_send(void *ctx, struct service_conn conn, const struct service_send *send,
         const struct service_slice *slices, uint32_t nb)
{
	struct direct *d = ctx;
	struct item *item = item_make(&d->commands, ITEM_SEND, conn.id, nb);

	item->send = (struct quantum_send){ .channel = send->channel,
		                            .key = send->key,
		                            .cookie = send->cookie,
		                            .report = send->report };
	for (uint32_t i = 0; i < nb; i++) {
		if (slices[i].owner != NULL)
			app_buf_ref(NULL, slices[i].owner);
		item->slices[i] =
			(struct quantum_slice){ slices[i].data, slices[i].len, slices[i].owner };
	}
	return 0;
}

static int
app_open(void *ctx, struct service_conn conn, uint16_t channel, const struct service_chan *chan)
{
	struct direct *d = ctx;
	struct item *item = item_make(&d->commands, ITEM_OPEN, conn.id, 0);

	item->send.channel = channel;
	item->chan = (struct quantum_chan_conf){ .order = chan->order,
		                                 .reliability = chan->reliability,
		                                 .priority = chan->priority,
		                                 .weight = chan->weight,
		                                 .tries = chan->tries,
		                                 .expedited = chan->expedited,
		                                 .deadline_ns = chan->deadline_ns };
	return 0;
}

static int
app_close(void *ctx, struct service_conn conn, uint64_t code, const char *reason)
{
	struct direct *d = ctx;
	struct item *item = item_make(&d->commands, ITEM_CLOSE, conn.id, 0);

	item->cookie = code;
	strncpy(item->reason, reason, sizeof(item->reason) - 1);
	return 0;
}

static uint64_t
app_room(void *ctx, struct service_conn conn)
{
	(void)ctx;
	(void)conn;
	return UINT64_MAX;
}

static void
app_hold(void *ctx)
{
	(void)ctx;
}

/* ---- life --------------------------------------------------------------------------------------
 */

static struct service_now
service_now(const struct direct *d)
{
	return (struct service_now){ d->world->now_ns, d->world->now_ns / AEF_NS_PER_MS };
}

void
direct_app_open(struct direct *d)
{
	const struct service_now now = service_now(d);

	items_init(&d->events);
	items_init(&d->commands);
	d->alloc = (struct aef_alloc){ .alloc = app_alloc,
		                       .free = app_free,
		                       .budget_bytes = 1u << 30 };
	d->service_env = (struct service_env){
		.alloc = &d->alloc,
		.buf = { app_buf_alloc, app_buf_ref, app_buf_put, EQUAL_BUF_BYTES, d },
		.reply = { app_send, app_open, app_close, app_hold, app_room, d },
		.conf = &d->world->plan,
	};
	if (equal_service.init(&d->service_env, &now, &d->svc) != 0)
		world_fail(d->world, "the service does not start");
}

void
direct_app_close(struct direct *d)
{
	equal_service.fini(d->svc);
	if (d->alloc.used_bytes != 0)
		world_fail(d->world, "the service keeps memory");
}

static void
on_message(struct direct *d, struct direct_conn *dc, struct item *item,
           const struct service_now *now)
{
	struct service_slice *slices = calloc(item->nb_slices + 1, sizeof(*slices));
	const struct service_msg msg = { .channel = item->msg.channel,
		                         .order = item->msg.order,
		                         .len = item->msg.len,
		                         .number = item->msg.message,
		                         .key = item->msg.key,
		                         .nb_slices = item->nb_slices,
		                         .slices = slices };

	if (slices == NULL)
		abort();
	for (uint32_t i = 0; i < item->nb_slices; i++)
		slices[i] = (struct service_slice){ item->slices[i].data, item->slices[i].len,
			                            item->slices[i].owner };
	equal_service.on_message(d->svc, (struct service_conn){ item->conn }, dc->user, &msg, now);
	for (uint32_t i = 0; i < item->nb_slices; i++)
		if (item->slices[i].owner != NULL)
			buf_put(item->slices[i].owner);
	free(slices);
}

unsigned
direct_app_step(struct direct *d)
{
	const struct service_now now = service_now(d);
	struct item *item;
	unsigned nb = 0;

	for (; nb < EQUAL_BURST && (item = item_pop(&d->events)) != NULL; nb++) {
		struct direct_conn *dc = &d->conns[item->conn % DIRECT_CONNS];
		const struct service_conn conn = { item->conn };

		if (item->kind == ITEM_CONNECT) {
			equal_service.on_connect(d->svc, conn, &item->identity, &now, &dc->user);
		} else if (item->kind == ITEM_MESSAGE) {
			on_message(d, dc, item, &now);
		} else if (item->kind == ITEM_SENT) {
			equal_service.on_sent(d->svc, conn, dc->user, item->cookie, item->expired,
			                      &now);
		} else {
			equal_service.on_disconnect(d->svc, conn, dc->user, SERVICE_GONE_CLOSED,
			                            &now);
			dc->user = NULL;
			(void)item_make(&d->commands, ITEM_GONE, item->conn, 0);
		}
		free(item);
	}
	return nb;
}
