/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client/endpoint_priv.h - one socket, one engine env, and the connections that share them: the
 * driver of the engine over kernel UDP.
 *
 *   run: send what is due -> wait -> receive bursts (prepare all, open, commit all) -> timers ->
 *        send (prepare until nothing, seal, sendmsg) -> deliver
 *
 * Context: one thread.
 */
#ifndef CLIENT_ENDPOINT_PRIV_H
#define CLIENT_ENDPOINT_PRIV_H

#include <base/list.h>
#include <client/client.h>
#include <protect/provider.h>
#include <quantum/server.h>

#include "buf_priv.h"

#define CLIENT_WHY_BYTES 200u

struct endpoint;

struct client {
	struct aef_list node; /* of endpoint->clients */
	struct endpoint *ep;
	struct quantum_conn *conn; /* NULL before the first client_connect() */
	enum client_state state;
	bool accepted;   /* by a listener */
	bool handed_out; /* a listener told the application of it */
	bool doomed;     /* destroyed inside a callback: freed when the run ends */
	bool kept;       /* somebody runs it and frees it later */
	bool use_callbacks;
	struct client_callbacks cb;
	void *user;
	struct sockio_addr server, local; /* dialled */

	/* Graceful close. */
	bool close_sent;
	bool flushed; /* everything queued was delivered before the close */
	uint64_t close_code;
	uint64_t close_by_ns;
	char close_reason[WIRE_CLOSE_REASON_MAX + 1];

	struct client_end end;
	uint32_t busy_ms; /* the server asked to come back after this */
	char why[CLIENT_WHY_BYTES];
};

/** Which connection a received datagram belongs to; NULL: none, it was dealt with. */
typedef struct quantum_conn *(*endpoint_route_fn)(void *arg, struct quantum_rx *rx,
                                                  const struct quantum_now *now);

struct endpoint {
	struct sockio *sock;
	struct quantum_env *env;
	struct protect *protect;
	const struct crypto_provider *provider; /* of protect */
	endpoint_route_fn route;
	void (*arrive)(void *arg); /* listener: tell of new connections; NULL: none */
	void (*release)(void *arg, struct quantum_conn *conn); /* listener: give it back */
	void *route_arg;
	struct client_bufs bufs;
	struct aef_list clients;
	bool running;
	client_filter_fn filter;
	void *filter_arg;
	uint64_t filtered;
	uint32_t tx_cap;

	/* One burst each way. */
	struct sockio_dgram dgrams[SOCKIO_BURST];
	struct quantum_rx rx[SOCKIO_BURST];
	struct quantum_conn *rx_conn[SOCKIO_BURST];
	struct quantum_tx tx[SOCKIO_BURST];
	struct crypto_op ops[SOCKIO_BURST];
	uint8_t *tx_mem;
	void *env_mem, *secret_mem;
	size_t secret_bytes;
};

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t client_os_ns(void);

/** Milliseconds since 1970. */
uint64_t client_os_unix_ms(void);

/** Defaults of client_io_conf. */
void endpoint_conf_default(struct client_io_conf *ret_conf);

/**
 * Make packet protection and lay out an env for @p nb_conns connections; without a socket.
 *
 * @param ring    of tokens; NULL: none are opened here
 * @param ret_why on failure a sentence for people, cut to @p why_len bytes; may be NULL with 0
 * @return 0, AEF_ERR_NOMEM, or an error of protect_create()
 */
AEF_MUST_CHECK int endpoint_init(struct endpoint *ep, const struct client_io_conf *conf,
                                 uint32_t nb_conns, struct protect_ring *ring, char *ret_why,
                                 size_t why_len);

/** Open the socket: 0, AEF_ERR_IO (errno set), AEF_ERR_NOMEM. */
AEF_MUST_CHECK int endpoint_open(struct endpoint *ep, const struct sockio_conf *conf);

/** Give everything back; every client must have been removed. A zeroed endpoint is fine. */
void endpoint_fini(struct endpoint *ep);

/** One turn; AEF_ERR_IO when the socket is broken. */
AEF_MUST_CHECK int endpoint_run(struct endpoint *ep, uint64_t timeout_ns);

/** Send what @p client may send now. */
void endpoint_flush(struct endpoint *ep, struct client *client, uint64_t now_ns);

/** Send one datagram that is complete, as a listener's answers to strangers are. */
void endpoint_reply(struct endpoint *ep, struct quantum_tx *tx);

/** When endpoint_run() is due, from now; UINT64_MAX: never. */
uint64_t endpoint_timeout_ns(const struct endpoint *ep);

/* ---- client.c, for the endpoint and the listener ----------------------------------------------
 */

/** Timers of the graceful close. */
void client_step(struct client *client, uint64_t now_ns);

/** When client_step() or the engine is due. */
uint64_t client_deadline_ns(const struct client *client);

/** Deliver events by callback. */
void client_dispatch(struct client *client);

/** Really free; outside of callbacks. */
void client_free(struct client *client);

/** Set the sentence of client_error(). */
AEF_PRINTF(2, 3) void client_set_why(struct client *client, const char *format, ...);

/** Write a sentence for people, if @p why is wanted. */
AEF_PRINTF(3, 4) void client_say(char *why, size_t why_len, const char *format, ...);

static inline struct quantum_addr
client_to_quantum(const struct sockio_addr *addr)
{
	struct quantum_addr out = { .port = addr->port };

	__builtin_memcpy(out.ip, addr->ip, sizeof(out.ip));
	return out;
}

static inline struct sockio_addr
client_to_sockio(const struct quantum_addr *addr)
{
	struct sockio_addr out = { .port = addr->port };

	__builtin_memcpy(out.ip, addr->ip, sizeof(out.ip));
	return out;
}

#endif
