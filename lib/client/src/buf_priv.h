/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client/buf_priv.h - counted buffers: received datagrams, copies to send, memory of the
 * application.
 *
 * Received bytes are bounded; small datagrams take small buffers, so that a peer cannot pin much
 * memory with little data. Free buffers are cached.
 *
 * Units:   bytes.
 * Context: the client's thread.
 */
#ifndef CLIENT_BUF_PRIV_H
#define CLIENT_BUF_PRIV_H

#include <quantum/types.h>

#define BUF_CLASSES 3u

struct client_buf {
	uint32_t refs;
	uint32_t cap;
	uint32_t len;  /* of the application's memory */
	uint8_t clas;  /* index of the cache, BUF_CLASSES: heap */
	bool is_rx;    /* counts against rx_bytes_max */
	uint8_t *data; /* behind this head, or the application's */
	struct client_buf *next;
	void (*release)(void *arg, const void *data, uint32_t len);
	void *release_arg;
};

struct client_bufs {
	struct client_buf *free[BUF_CLASSES];
	uint32_t nb_free[BUF_CLASSES];
	uint64_t rx_bytes; /* of buffers in use */
	uint64_t rx_bytes_max;
	uint64_t rx_refused;
};

/** Empty caches; nothing is allocated. */
void client_bufs_init(struct client_bufs *bufs, uint64_t rx_bytes_max);

/** Free the caches; every buffer must have been put. */
void client_bufs_fini(struct client_bufs *bufs);

/**
 * A buffer with one reference.
 *
 * @param is_rx counted against the bound
 * @return NULL at the bound (counted) or without memory
 */
struct client_buf *client_buf_get(struct client_bufs *bufs, uint32_t bytes, bool is_rx);

/** A head for memory of the application, which is released with the last reference; or NULL. */
struct client_buf *client_buf_wrap(struct client_bufs *bufs, const void *data, uint32_t len);

/** Drop one reference; NULL is fine. */
void client_buf_put(struct client_bufs *bufs, struct client_buf *buf);

/** The engine's view of these buffers. */
struct quantum_buf_ops client_buf_ops(struct client_bufs *bufs);

#endif
