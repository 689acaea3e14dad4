/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <client/listener.h>
#include <protect/mem.h>
#include <protect/token.h>

#include "endpoint_priv.h"

#define ROTATE_NS (60 * AEF_NS_PER_S) /* of cookie and handshake keys */
#define CONNS_MAX 65536u
#define OWN_GROUP 1u

struct client_listener {
	struct endpoint ep;
	struct quantum_conn_conf conn_conf;
	struct protect_ring *own_ring;    /* NULL: the application's is used */
	struct quantum_server_keys *keys; /* in memory for secrets */
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server *server;
	void *table_mem, *server_mem;
	uint64_t rotate_ns;
	uint32_t nb;
	uint32_t nb_waiting; /* accepted, not told of yet */
	void (*on_accept)(void *user, struct client *client);
	void *user;
};

void
client_listener_conf_default(struct client_listener_conf *ret_conf)
{
	*ret_conf = (struct client_listener_conf){ .conns_max = 64, .tokens_max = 4096 };
	endpoint_conf_default(&ret_conf->io);
}

/* ---- strangers ---------------------------------------------------------------------------------
 */

static struct client *
add_client(struct client_listener *l, struct quantum_conn *conn)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->ep = &l->ep;
	client->conn = conn;
	client->accepted = true;
	client->state = CLIENT_CONNECTING;
	quantum_conn_set_user(conn, client);
	aef_list_append(&l->ep.clients, &client->node);
	l->nb++;
	l->nb_waiting++;
	return client;
}

static struct quantum_conn *
on_ack(struct client_listener *l, struct quantum_rx *rx, const struct quantum_now *now,
       struct quantum_tx *reply)
{
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	const enum quantum_verdict verdict =
		quantum_server_on_ack(l->server, rx, now, &accept, &conn, reply);

	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return conn;
	/* Public-key work on the thread itself: this listener is no appliance. */
	if (quantum_accept_derive(l->ep.provider, &accept) != 0) {
		quantum_server_abandon(l->server, &accept);
	} else if (quantum_server_accept(l->server, &accept, now, &conn) == 0 &&
	           add_client(l, conn) == NULL) {
		quantum_server_release(l->server, conn);
		conn = NULL;
	}
	return conn;
}

static struct quantum_conn *
route(void *arg, struct quantum_rx *rx, const struct quantum_now *now)
{
	struct client_listener *l = arg;
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx reply = { .data = data, .cap = sizeof(data) };
	struct wire_header hdr = { .version = 0 };
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	struct quantum_conn *conn = NULL;
	void *found = NULL;
	int16_t lcore;

	if (clas == WIRE_CLASS_PROTECTED) {
		quantum_table_lookup(&l->table, &cid, 1, &found, &lcore);
		if (found != NULL)
			return found;
	}
	if (clas == WIRE_CLASS_ACK)
		conn = on_ack(l, rx, now, &reply);
	else
		(void)quantum_server_on_stray(l->server, rx, &hdr, clas, now, &reply);
	if (reply.len > 0)
		endpoint_reply(&l->ep, &reply);
	return conn;
}

static void
release(void *arg, struct quantum_conn *conn)
{
	struct client_listener *l = arg;

	quantum_server_release(l->server, conn);
	l->nb--;
}

/* ---- new connections ---------------------------------------------------------------------------
 */

int
client_listener_accept(struct client_listener *listener, struct client **ret_client)
{
	if (listener->nb_waiting == 0)
		return AEF_ERR_AGAIN;
	aef_list_foreach (node, &listener->ep.clients) {
		struct client *client = aef_list_entry(node, struct client, node);

		if (client->handed_out)
			continue;
		client->handed_out = true;
		listener->nb_waiting--;
		*ret_client = client;
		return 0;
	}
	return AEF_ERR_AGAIN;
}

static void
rotate_keys(struct client_listener *l)
{
	const uint64_t now_ns = client_os_ns();
	uint8_t random[64];

	if (now_ns < l->rotate_ns)
		return;
	/* Without random bytes the old keys stay, and clients can still connect. */
	if (protect_random(random, sizeof(random)) == 0 &&
	    quantum_server_keys_rotate(l->keys, l->ep.provider, random) == 0)
		l->rotate_ns = now_ns + ROTATE_NS;
	else
		l->rotate_ns = now_ns + AEF_NS_PER_S;
	crypto_wipe(random, sizeof(random));
}

/* Inside a run, so that callbacks may destroy. */
static void
arrive(void *arg)
{
	struct client_listener *l = arg;
	struct client *client;

	rotate_keys(l);
	while (l->on_accept != NULL && client_listener_accept(l, &client) == 0)
		l->on_accept(l->user, client);
}

/* ---- life cycle --------------------------------------------------------------------------------
 */

static int
init_keys(struct client_listener *l)
{
	uint8_t random[64], reset_key[32], codec_key[16];
	void *mem = NULL;
	int err = protect_mem_alloc(sizeof(*l->keys), &mem);

	if (err != 0)
		return err;
	l->keys = mem;
	if (protect_random(random, sizeof(random)) != 0 ||
	    protect_random(reset_key, sizeof(reset_key)) != 0 ||
	    protect_random(codec_key, sizeof(codec_key)) != 0 ||
	    quantum_server_keys_init(l->keys, l->ep.provider, random, reset_key) != 0)
		err = AEF_ERR_IO;
	quantum_cid_codec_init(&l->codec, codec_key);
	crypto_wipe(random, sizeof(random));
	crypto_wipe(reset_key, sizeof(reset_key));
	crypto_wipe(codec_key, sizeof(codec_key));
	return err;
}

static int
init_server(struct client_listener *l, const struct client_listener_conf *conf)
{
	uint64_t seed;
	int err = init_keys(l);

	if (err != 0)
		return err;
	if (protect_random(&seed, sizeof(seed)) != 0)
		return AEF_ERR_IO;
	l->table_mem = aligned_alloc(AEF_CACHE_LINE,
	                             (quantum_table_bytes(conf->conns_max) + 63) & ~(size_t)63);
	l->server_mem = aligned_alloc(AEF_CACHE_LINE,
	                              (quantum_server_bytes(conf->tokens_max) + 63) & ~(size_t)63);
	if (l->table_mem == NULL || l->server_mem == NULL)
		return AEF_ERR_NOMEM;
	quantum_table_init(&l->table, l->table_mem, conf->conns_max, 0, &l->codec, seed);
	l->conn_conf = conf->io.conn;
	l->server = quantum_server_init(l->server_mem, conf->tokens_max, l->ep.env, &l->table,
	                                l->keys, &l->conn_conf);
	l->rotate_ns = client_os_ns() + ROTATE_NS;
	return 0;
}

static int
init_endpoint(struct client_listener *l, const struct client_listener_conf *conf, char *ret_why,
              size_t why_len)
{
	struct protect_ring *ring = conf->ring;
	int err = 0;

	if (ring == NULL) {
		err = protect_ring_create(OWN_GROUP, &l->own_ring);
		ring = l->own_ring;
	}
	if (err != 0) {
		client_say(ret_why, why_len, "%s", protect_create_text(err));
		return err;
	}
	return endpoint_init(&l->ep, &conf->io, conf->conns_max, ring, ret_why, why_len);
}

static int
open_endpoint(struct client_listener *l, const struct client_listener_conf *conf, char *ret_why,
              size_t why_len)
{
	struct sockio_conf sock = { .buffer_bytes = conf->io.socket_bytes,
		                    .no_gso = conf->io.no_gso,
		                    .no_gro = conf->io.no_gro };
	const char *local = conf->local != NULL ? conf->local : "";
	int err = sockio_addr_parse(local, &sock.local);

	if (err != 0) {
		client_say(ret_why, why_len,
		           err == AEF_ERR_NOTFOUND ? "no host is known by the name in \"%.100s\""
		                                   : "\"%.100s\" is not of the form host:port",
		           local);
		return err;
	}
	err = init_endpoint(l, conf, ret_why, why_len);
	if (err != 0)
		return err;
	err = endpoint_open(&l->ep, &sock);
	if (err == AEF_ERR_IO && errno == EADDRINUSE) {
		client_say(ret_why, why_len,
		           "the address %.100s is in use; stop who uses it or choose another port",
		           local);
		return AEF_ERR_EXISTS;
	}
	if (err != 0)
		client_say(ret_why, why_len,
		           "cannot listen at %.100s: %s; give an address of this machine and, "
		           "without root, a port above 1023",
		           local, strerror(errno));
	return err;
}

int
client_listener_create(const struct client_listener_conf *conf,
                       struct client_listener **ret_listener, char *ret_why, size_t why_len)
{
	struct client_listener *l;
	int err;

	if (conf->conns_max == 0 || conf->conns_max > CONNS_MAX || conf->tokens_max == 0) {
		client_say(ret_why, why_len, "a listener serves 1 to %u connections", CONNS_MAX);
		return AEF_ERR_INVALID;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return AEF_ERR_NOMEM;
	err = open_endpoint(l, conf, ret_why, why_len);
	if (err == 0) {
		err = init_server(l, conf);
		if (err != 0)
			client_say(ret_why, why_len, "cannot start to listen: %s",
			           aef_err_text(err));
	}
	if (err != 0) {
		const int saved = errno;

		client_listener_destroy(l);
		errno = saved;
		return err;
	}
	l->ep.route = route;
	l->ep.release = release;
	l->ep.arrive = arrive;
	l->ep.route_arg = l;
	l->on_accept = conf->on_accept;
	l->user = conf->user;
	*ret_listener = l;
	return 0;
}

void
client_listener_destroy(struct client_listener *listener)
{
	if (listener == NULL)
		return;
	aef_assert(!listener->ep.running);
	if (listener->ep.clients.next != NULL)
		aef_list_foreach_safe (node, &listener->ep.clients)
			client_free(aef_list_entry(node, struct client, node));
	endpoint_fini(&listener->ep);
	protect_ring_close(listener->own_ring);
	free(listener->table_mem);
	free(listener->server_mem);
	protect_mem_free(listener->keys, sizeof(*listener->keys));
	free(listener);
}

/* ---- running -----------------------------------------------------------------------------------
 */

int
client_listener_run_once(struct client_listener *listener, uint64_t timeout_ns)
{
	return endpoint_run(&listener->ep, timeout_ns);
}

int
client_listener_fd(const struct client_listener *listener)
{
	return sockio_fd(listener->ep.sock);
}

uint64_t
client_listener_timeout_ns(const struct client_listener *listener)
{
	return endpoint_timeout_ns(&listener->ep);
}

int
client_listener_ticket(struct client_listener *listener, uint32_t life_ms,
                       struct client_ticket *ret_ticket)
{
	const struct crypto_token want = { .session_epoch = 1 };
	struct protect_grant grant;
	const int err = protect_token_issue(listener->ep.protect, &want, life_ms,
	                                    client_os_unix_ms(), &grant);

	if (err == 0)
		client_ticket_from_grant(&grant, ret_ticket);
	crypto_wipe(&grant, sizeof(grant));
	return err;
}

uint16_t
client_listener_port(const struct client_listener *listener)
{
	return sockio_port(listener->ep.sock);
}

uint32_t
client_listener_nb(const struct client_listener *listener)
{
	return listener->nb;
}

const uint64_t *
client_listener_verdicts(const struct client_listener *listener)
{
	return quantum_server_verdicts(listener->server);
}
