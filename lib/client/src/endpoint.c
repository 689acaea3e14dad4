/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/err.h>
#include <protect/mem.h>

#include "endpoint_priv.h"

/* Turns of one run: bounded, so that a flood in one direction cannot starve the other. */
#define RX_ROUNDS 8u
#define TX_ROUNDS 8u
/* Connections that send and receive at full rate at a time; the pools are shared. */
#define BUSY_CONNS 8u
/* Traffic keys of both directions, and those of the neighbouring key epochs on receive. */
#define KEYS_PER_CONN 4u
/*
 * A timer that is not due yet waits at least this long: the pacer then lets several datagrams go at
 * once, for one system call and one wake-up, and still less than its own burst of 1 ms.
 */
#define TIMER_GRAIN_NS (200 * AEF_NS_PER_US)

uint64_t
client_os_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
client_os_unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / AEF_NS_PER_MS;
}

void
endpoint_conf_default(struct client_io_conf *ret_conf)
{
	*ret_conf = (struct client_io_conf){ .socket_bytes = 4u << 20, .rx_bytes_max = 64u << 20 };
	quantum_conn_conf_default(&ret_conf->conn);
}

static int
init_memory(struct endpoint *ep, uint32_t nb_conns)
{
	const struct quantum_buf_ops ops = client_buf_ops(&ep->bufs);
	struct quantum_env_conf env;
	uint64_t seed;
	int err;

	quantum_env_conf_scale(&env, nb_conns, aef_min_u32(nb_conns, BUSY_CONNS) + 3);
	ep->secret_bytes = quantum_env_secret_bytes(&env);
	err = protect_mem_alloc(ep->secret_bytes, &ep->secret_mem);
	if (err != 0)
		return err;
	ep->env_mem = aligned_alloc(AEF_CACHE_LINE, (quantum_env_bytes(&env) + 63) & ~(size_t)63);
	ep->tx_mem = malloc((size_t)SOCKIO_BURST * ep->tx_cap);
	if (ep->env_mem == NULL || ep->tx_mem == NULL)
		return AEF_ERR_NOMEM;
	if (protect_random(&seed, sizeof(seed)) != 0)
		return AEF_ERR_IO;
	ep->env = quantum_env_init(ep->env_mem, ep->secret_mem, &env, ep->provider, &ops, seed);
	return 0;
}

int
endpoint_init(struct endpoint *ep, const struct client_io_conf *conf, uint32_t nb_conns,
              struct protect_ring *ring, char *ret_why, size_t why_len)
{
	const struct protect_conf protect = {
		.keys_max = KEYS_PER_CONN * aef_min_u32(nb_conns, BUSY_CONNS), .ring = ring
	};
	int err;

	memset(ep, 0, sizeof(*ep));
	aef_list_init(&ep->clients);
	client_bufs_init(&ep->bufs, conf->rx_bytes_max);
	ep->filter = conf->filter;
	ep->filter_arg = conf->filter_arg;
	ep->tx_cap =
		aef_max_u32(WIRE_MTU_BASE, aef_min_u32(conf->conn.mtu_max_bytes, WIRE_MTU_MAX));
	err = protect_create(&protect, &ep->protect);
	if (err == 0) {
		ep->provider = protect_provider(ep->protect);
		err = init_memory(ep, nb_conns);
	}
	if (err == AEF_ERR_NOMEM)
		client_say(ret_why, why_len, "not enough memory for %u connections", nb_conns);
	else if (err != 0)
		client_say(ret_why, why_len, "%s", protect_create_text(err));
	if (err != 0)
		endpoint_fini(ep);
	return err;
}

int
endpoint_open(struct endpoint *ep, const struct sockio_conf *conf)
{
	return sockio_open(conf, &ep->sock);
}

void
endpoint_fini(struct endpoint *ep)
{
	aef_assert(ep->clients.next == NULL || aef_list_empty(&ep->clients));
	sockio_close(ep->sock);
	client_bufs_fini(&ep->bufs);
	free(ep->tx_mem);
	free(ep->env_mem);
	protect_mem_free(ep->secret_mem, ep->secret_bytes);
	protect_destroy(ep->protect);
	ep->sock = NULL;
	ep->tx_mem = NULL;
	ep->env_mem = NULL;
	ep->secret_mem = NULL;
	ep->protect = NULL;
}

/* ---- receiving ---------------------------------------------------------------------------------
 */

/* A buffer of our own for each datagram: the socket's memory is reused by its next call. */
static bool
take_datagram(struct endpoint *ep, const struct sockio_dgram *d, struct quantum_rx *ret_rx)
{
	struct client_buf *buf;

	if (ep->filter != NULL && ep->filter(ep->filter_arg, false, d->data, d->len)) {
		ep->filtered++;
		return false;
	}
	buf = client_buf_get(&ep->bufs, d->len, true);
	if (buf == NULL)
		return false;
	memcpy(buf->data, d->data, d->len);
	*ret_rx = (struct quantum_rx){ .data = buf->data,
		                       .len = d->len,
		                       .ecn = d->ecn,
		                       .owner = buf,
		                       .from = client_to_quantum(&d->peer) };
	return true;
}

/* Prepare all, open all at once, commit all. */
static void
receive_burst(struct endpoint *ep, unsigned nb, const struct quantum_now *now)
{
	unsigned nb_rx = 0, nb_ops = 0;

	for (unsigned i = 0; i < nb; i++) {
		struct quantum_rx *rx = &ep->rx[nb_rx];
		struct quantum_conn *conn;

		if (!take_datagram(ep, &ep->dgrams[i], rx))
			continue;
		conn = ep->route(ep->route_arg, rx, now);
		if (conn == NULL ||
		    quantum_conn_rx_prepare(conn, rx, now->ns) != QUANTUM_VERDICT_ACCEPTED) {
			client_buf_put(&ep->bufs, rx->owner);
			continue;
		}
		if (rx->needs_open)
			ep->ops[nb_ops++] = rx->op;
		ep->rx_conn[nb_rx++] = conn;
	}
	ep->provider->open(ep->provider->ctx, ep->ops, nb_ops);
	nb_ops = 0;
	for (unsigned i = 0; i < nb_rx; i++) {
		struct quantum_rx *rx = &ep->rx[i];

		if (rx->needs_open)
			rx->op.ok = ep->ops[nb_ops++].ok;
		(void)quantum_conn_rx_commit(ep->rx_conn[i], rx, now->ns);
		client_buf_put(&ep->bufs, rx->owner);
	}
}

static int
receive(struct endpoint *ep, struct quantum_now *now)
{
	for (unsigned round = 0; round < RX_ROUNDS; round++) {
		const int nb = sockio_recv(ep->sock, ep->dgrams, SOCKIO_BURST);

		if (nb <= 0)
			return nb;
		now->ns = client_os_ns();
		receive_burst(ep, (unsigned)nb, now);
		protect_forget(); /* of handshakes and new key epochs */
	}
	return 0;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

/* @return datagrams that the filter left, in ep->dgrams */
static unsigned
send_burst(struct endpoint *ep, unsigned nb)
{
	unsigned nb_out = 0;

	for (unsigned i = 0; i < nb; i++) {
		struct quantum_tx *tx = &ep->tx[i];

		if (ep->filter != NULL && ep->filter(ep->filter_arg, true, tx->data, tx->len)) {
			ep->filtered++;
			continue;
		}
		ep->dgrams[nb_out++] = (struct sockio_dgram){ .data = tx->data,
			                                      .len = tx->len,
			                                      .ecn = tx->ecn,
			                                      .peer = client_to_sockio(&tx->to) };
	}
	(void)sockio_send(ep->sock, ep->dgrams, nb_out);
	return nb_out;
}

static unsigned
prepare_burst(struct endpoint *ep, struct quantum_conn *conn, uint64_t now_ns)
{
	unsigned nb = 0, nb_ops = 0;

	while (nb < SOCKIO_BURST) {
		struct quantum_tx *tx = &ep->tx[nb];

		*tx = (struct quantum_tx){ .data = ep->tx_mem + (size_t)nb * ep->tx_cap,
			                   .cap = ep->tx_cap };
		if (quantum_conn_tx_prepare(conn, tx, now_ns) != 1)
			break;
		if (tx->needs_seal)
			ep->ops[nb_ops++] = tx->op;
		nb++;
	}
	if (nb_ops > 0)
		ep->provider->seal(ep->provider->ctx, ep->ops, nb_ops);
	return nb;
}

void
endpoint_flush(struct endpoint *ep, struct client *client, uint64_t now_ns)
{
	if (client->conn == NULL)
		return;
	for (unsigned round = 0; round < TX_ROUNDS; round++) {
		const unsigned nb = prepare_burst(ep, client->conn, now_ns);
		unsigned at = 0, nb_out;

		if (nb == 0)
			return;
		nb_out = send_burst(ep, nb);
		for (unsigned i = 0; i < nb; i++) {
			/* What the filter took looks like loss on the way, not like a refusal. */
			const bool here = at < nb_out && ep->dgrams[at].data == ep->tx[i].data;

			quantum_conn_tx_commit(client->conn, &ep->tx[i],
			                       !here || ep->dgrams[at].sent);
			at += here;
		}
		if (nb < SOCKIO_BURST)
			return;
	}
}

void
endpoint_reply(struct endpoint *ep, struct quantum_tx *tx)
{
	struct sockio_dgram d = {
		.data = tx->data, .len = tx->len, .ecn = tx->ecn, .peer = client_to_sockio(&tx->to)
	};

	if (ep->filter != NULL && ep->filter(ep->filter_arg, true, tx->data, tx->len))
		ep->filtered++;
	else
		(void)sockio_send(ep->sock, &d, 1);
}

/* ---- running -----------------------------------------------------------------------------------
 */

static uint64_t
deadline_ns(const struct endpoint *ep)
{
	uint64_t at = AEF_TIME_NEVER;

	aef_list_foreach (node, &ep->clients)
		at = aef_min_u64(at, client_deadline_ns(aef_list_entry(node, struct client, node)));
	return at;
}

uint64_t
endpoint_timeout_ns(const struct endpoint *ep)
{
	const uint64_t at = deadline_ns(ep);
	const uint64_t now_ns = client_os_ns();

	if (at == AEF_TIME_NEVER)
		return UINT64_MAX;
	return at <= now_ns ? 0 : aef_max_u64(at - now_ns, TIMER_GRAIN_NS);
}

static void
send_all(struct endpoint *ep, uint64_t now_ns)
{
	aef_list_foreach (node, &ep->clients) {
		struct client *client = aef_list_entry(node, struct client, node);

		if (client->conn != NULL && quantum_conn_deadline_ns(client->conn) <= now_ns)
			quantum_conn_on_deadline(client->conn, now_ns);
		client_step(client, now_ns);
		endpoint_flush(ep, client, now_ns);
	}
}

static void
deliver(struct endpoint *ep)
{
	if (ep->arrive != NULL)
		ep->arrive(ep->route_arg);
	aef_list_foreach_safe (node, &ep->clients) {
		struct client *client = aef_list_entry(node, struct client, node);

		if (client->use_callbacks)
			client_dispatch(client);
	}
	aef_list_foreach_safe (node, &ep->clients) {
		struct client *client = aef_list_entry(node, struct client, node);

		if (client->doomed && client->accepted && !client->kept)
			client_free(client);
	}
}

int
endpoint_run(struct endpoint *ep, uint64_t timeout_ns)
{
	struct quantum_now now = { .ns = client_os_ns(), .unix_ms = client_os_unix_ms() };
	int err;

	aef_assert(!ep->running);
	send_all(ep, now.ns);
	if (timeout_ns > 0) {
		const uint64_t due = endpoint_timeout_ns(ep);

		if (due > 0)
			(void)sockio_wait(ep->sock, aef_min_u64(timeout_ns, due));
	}
	now.ns = client_os_ns();
	err = receive(ep, &now);
	send_all(ep, now.ns);
	ep->running = true;
	deliver(ep);
	ep->running = false;
	return err < 0 ? err : 0;
}
