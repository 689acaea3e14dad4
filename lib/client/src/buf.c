/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "buf_priv.h"

#define CACHED_MAX 512u /* free buffers kept per class */

static const uint32_t class_bytes[BUF_CLASSES] = { 256, 2048, WIRE_MTU_MAX + 64 };

void
client_bufs_init(struct client_bufs *bufs, uint64_t rx_bytes_max)
{
	*bufs = (struct client_bufs){ .rx_bytes_max = rx_bytes_max };
}

void
client_bufs_fini(struct client_bufs *bufs)
{
	for (unsigned i = 0; i < BUF_CLASSES; i++) {
		while (bufs->free[i] != NULL) {
			struct client_buf *buf = bufs->free[i];

			bufs->free[i] = buf->next;
			free(buf);
		}
		bufs->nb_free[i] = 0;
	}
}

static struct client_buf *
take(struct client_bufs *bufs, uint32_t bytes)
{
	struct client_buf *buf;
	uint8_t clas = 0;
	uint32_t cap = bytes;

	while (clas < BUF_CLASSES && class_bytes[clas] < bytes)
		clas++;
	if (clas < BUF_CLASSES) {
		cap = class_bytes[clas];
		buf = bufs->free[clas];
		if (buf != NULL) {
			bufs->free[clas] = buf->next;
			bufs->nb_free[clas]--;
			return buf;
		}
	}
	buf = malloc(sizeof(*buf) + cap);
	if (buf == NULL)
		return NULL;
	buf->cap = cap;
	buf->clas = clas;
	return buf;
}

struct client_buf *
client_buf_get(struct client_bufs *bufs, uint32_t bytes, bool is_rx)
{
	struct client_buf *buf = NULL;

	if (!is_rx || bufs->rx_bytes < bufs->rx_bytes_max)
		buf = take(bufs, bytes);
	if (buf == NULL) {
		bufs->rx_refused += is_rx;
		return NULL;
	}
	buf->refs = 1;
	buf->is_rx = is_rx;
	buf->data = (uint8_t *)(buf + 1);
	buf->release = NULL;
	if (is_rx)
		bufs->rx_bytes += buf->cap;
	return buf;
}

struct client_buf *
client_buf_wrap(struct client_bufs *bufs, const void *data, uint32_t len)
{
	struct client_buf *buf = take(bufs, 0);

	if (buf == NULL)
		return NULL;
	/* The engine only ever reads what is sent; the head serves both directions. */
	*buf = (struct client_buf){
		.refs = 1, .cap = class_bytes[0], .len = len, .data = (uint8_t *)(uintptr_t)data
	};
	return buf;
}

void
client_buf_put(struct client_bufs *bufs, struct client_buf *buf)
{
	if (buf == NULL)
		return;
	aef_assert_hot(buf->refs > 0);
	if (--buf->refs > 0)
		return;
	if (buf->release != NULL)
		buf->release(buf->release_arg, buf->data, buf->len);
	if (buf->is_rx)
		bufs->rx_bytes -= buf->cap;
	if (buf->clas < BUF_CLASSES && bufs->nb_free[buf->clas] < CACHED_MAX) {
		buf->next = bufs->free[buf->clas];
		bufs->free[buf->clas] = buf;
		bufs->nb_free[buf->clas]++;
		return;
	}
	free(buf);
}

static void
ops_get(void *ctx, void *owner)
{
	struct client_buf *buf = owner;

	(void)ctx;
	if (buf != NULL)
		buf->refs++;
}

static void
ops_put(void *ctx, void *owner)
{
	client_buf_put(ctx, owner);
}

static void *
ops_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct client_buf *buf = client_buf_get(ctx, bytes, true);

	if (buf != NULL)
		*ret_data = buf->data;
	return buf;
}

struct quantum_buf_ops
client_buf_ops(struct client_bufs *bufs)
{
	return (struct quantum_buf_ops){
		.get = ops_get, .put = ops_put, .alloc = ops_alloc, .ctx = bufs
	};
}
