/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <client/client.h>
#include <protect/mem.h>

#include "endpoint_priv.h"

/* A dialled connection has its endpoint to itself. */
struct dialled {
	struct client client;
	struct endpoint ep;
	struct client_io_conf conf;
};

void
client_say(char *why, size_t why_len, const char *format, ...)
{
	va_list args;

	if (why == NULL || why_len == 0)
		return;
	va_start(args, format);
	(void)vsnprintf(why, why_len, format, args);
	va_end(args);
}

void
client_set_why(struct client *client, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(client->why, sizeof(client->why), format, args);
	va_end(args);
}

/* ---- life cycle --------------------------------------------------------------------------------
 */

void
client_conf_default(struct client_conf *ret_conf)
{
	*ret_conf = (struct client_conf){ .server = NULL };
	endpoint_conf_default(&ret_conf->io);
}

static struct dialled *
dialled_of(const struct client *client)
{
	return aef_container_of(client, struct dialled, client);
}

static struct quantum_conn *
route_one(void *arg, struct quantum_rx *rx, const struct quantum_now *now)
{
	struct client *client = arg;

	(void)rx;
	(void)now;
	return client->conn;
}

static int
resolve(const struct client_conf *conf, struct client *client, char *ret_why, size_t why_len)
{
	int err = conf->server == NULL ? AEF_ERR_INVALID
	                               : sockio_addr_parse(conf->server, &client->server);

	if (err == 0 && client->server.port == 0)
		err = AEF_ERR_INVALID;
	if (err != 0) {
		client_say(ret_why, why_len,
		           err == AEF_ERR_NOTFOUND ? "no host is known by the name in \"%.100s\""
		                                   : "\"%.100s\" is not of the form host:port "
		                                     "with a port from 1 to 65535",
		           conf->server != NULL ? conf->server : "");
		return err;
	}
	if (conf->local == NULL)
		return 0;
	err = sockio_addr_parse(conf->local, &client->local);
	if (err != 0)
		client_say(ret_why, why_len, "the local address \"%.100s\" cannot be used",
		           conf->local);
	return err;
}

static struct sockio_conf
socket_conf(const struct client *client, const struct client_io_conf *conf)
{
	return (struct sockio_conf){ .local = client->local,
		                     .peer = client->server,
		                     .buffer_bytes = conf->socket_bytes,
		                     .no_gso = conf->no_gso,
		                     .no_gro = conf->no_gro };
}

static int
create(struct dialled *d, const struct client_conf *conf, char *ret_why, size_t why_len)
{
	struct sockio_conf sock;
	int err = resolve(conf, &d->client, ret_why, why_len), saved;

	if (err != 0)
		return err;
	err = endpoint_init(&d->ep, &conf->io, 1, NULL, ret_why, why_len);
	if (err != 0)
		return err;
	sock = socket_conf(&d->client, &conf->io);
	err = endpoint_open(&d->ep, &sock);
	if (err == 0)
		return 0;
	client_say(ret_why, why_len, "no socket towards %.100s: %s", conf->server, strerror(errno));
	saved = errno;
	endpoint_fini(&d->ep);
	errno = saved;
	return err;
}

int
client_create(const struct client_conf *conf, struct client **ret_client, char *ret_why,
              size_t why_len)
{
	struct dialled *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL)
		return AEF_ERR_NOMEM;
	err = create(d, conf, ret_why, why_len);
	if (err != 0) {
		free(d); /* leaves errno alone */
		return err;
	}
	d->conf = conf->io;
	d->client.ep = &d->ep;
	d->ep.route = route_one;
	d->ep.route_arg = &d->client;
	d->client.use_callbacks = conf->use_callbacks;
	d->client.cb = conf->callbacks;
	aef_list_append(&d->ep.clients, &d->client.node);
	*ret_client = &d->client;
	return 0;
}

void
client_free(struct client *client)
{
	struct endpoint *ep = client->ep;

	aef_list_remove(&client->node);
	if (client->accepted) {
		ep->release(ep->route_arg, client->conn);
		free(client);
		return;
	}
	quantum_conn_free(client->conn);
	endpoint_fini(ep);
	free(dialled_of(client));
}

void
client_destroy(struct client *client)
{
	if (client == NULL)
		return;
	if (client->ep->running || client->kept) {
		client->doomed = true;
		return;
	}
	client_free(client);
}

static int
begin(struct client *client, const struct client_ticket *ticket)
{
	struct quantum_client_conf conf = { .cid = ticket->cid };
	int err = 0;

	memcpy(conf.token, ticket->token, sizeof(conf.token));
	memcpy(conf.psk, ticket->psk, sizeof(conf.psk));
	conf.server = client_to_quantum(&client->server);
	if (protect_random(conf.random, sizeof(conf.random)) != 0 ||
	    protect_random(conf.dh_seed, sizeof(conf.dh_seed)) != 0)
		err = AEF_ERR_IO;
	if (err == 0)
		err = quantum_conn_connect(client->ep->env, &dialled_of(client)->conf.conn, &conf,
		                           client_os_ns(), &client->conn);
	crypto_wipe(&conf, sizeof(conf));
	return err;
}

int
client_connect(struct client *client, const struct client_ticket *ticket)
{
	int err;

	if (client->accepted || (client->state != CLIENT_IDLE && client->state != CLIENT_CLOSED)) {
		client_set_why(client, "the connection is already in use");
		return AEF_ERR_STATE;
	}
	quantum_conn_free(client->conn);
	client->conn = NULL;
	client->why[0] = '\0';
	client->busy_ms = 0;
	client->end = (struct client_end){ .why = QUANTUM_CLOSE_NONE };
	client->close_sent = client->flushed = false;
	err = begin(client, ticket);
	if (err != 0) {
		client->conn = NULL;
		client_set_why(client, "cannot start connecting: %s", aef_err_text(err));
		return err;
	}
	client->state = CLIENT_CONNECTING;
	if (client->use_callbacks && client->cb.on_state != NULL)
		client->cb.on_state(client->cb.user, client, CLIENT_CONNECTING);
	return 0;
}

/* ---- running -----------------------------------------------------------------------------------
 */

/* Over, and the engine owes the peer no more answers. */
static bool
is_over(const struct client *client)
{
	return client->state == CLIENT_CLOSED &&
	       (client->conn == NULL || quantum_conn_finished(client->conn));
}

/* One turn. A client that a callback destroys stays until let_go(), as the caller still uses it. */
static int
run_kept(struct client *client, uint64_t timeout_ns)
{
	int err;

	if (client->doomed || is_over(client))
		return AEF_ERR_CLOSED;
	if (client->conn == NULL)
		return AEF_ERR_STATE;
	client->kept = true;
	err = endpoint_run(client->ep, timeout_ns);
	if (client->doomed)
		return AEF_ERR_CLOSED;
	if (err != 0) {
		client_set_why(client, "the socket is broken: %s", strerror(errno));
		return err;
	}
	return is_over(client) ? AEF_ERR_CLOSED : 0;
}

static int
let_go(struct client *client, int rc)
{
	client->kept = false;
	if (client->doomed)
		client_free(client);
	return rc;
}

int
client_run_once(struct client *client, uint64_t timeout_ns)
{
	return let_go(client, run_kept(client, timeout_ns));
}

int
client_fd(const struct client *client)
{
	return sockio_fd(client->ep->sock);
}

uint64_t
client_timeout_ns(const struct client *client)
{
	return endpoint_timeout_ns(client->ep);
}

void
client_flush(struct client *client)
{
	endpoint_flush(client->ep, client, client_os_ns());
}

uint64_t
client_deadline_ns(const struct client *client)
{
	uint64_t at;

	if (client->conn == NULL)
		return AEF_TIME_NEVER;
	at = quantum_conn_deadline_ns(client->conn);
	if (client->state == CLIENT_CLOSING && !client->close_sent)
		at = aef_min_u64(at, client->close_by_ns);
	return at;
}

void
client_step(struct client *client, uint64_t now_ns)
{
	if (client->state != CLIENT_CLOSING || client->close_sent)
		return;
	client->flushed = quantum_conn_drained(client->conn);
	if (!client->flushed && now_ns < client->close_by_ns)
		return;
	client->close_sent = true;
	quantum_conn_close(client->conn, client->close_code, client->close_reason, now_ns);
}

/* Take events in poll style until @p state is left; messages are dropped. */
static void
skip_events(struct client *client, enum client_state state)
{
	struct client_event ev;

	while (!client->use_callbacks && client->state == state && client_poll(client, &ev) == 0)
		if (ev.type == CLIENT_EVENT_MESSAGE)
			client_msg_release(client, &ev.msg);
}

int
client_wait_open(struct client *client, uint64_t timeout_ns)
{
	const uint64_t end_ns = aef_add_sat_u64(client_os_ns(), timeout_ns);
	int err = 0;

	while (err == 0 && client->state == CLIENT_CONNECTING) {
		const uint64_t now_ns = client_os_ns();

		if (now_ns >= end_ns) {
			client_set_why(client, "not connected in the time allowed");
			return AEF_ERR_TIMEOUT;
		}
		err = run_kept(client, end_ns - now_ns);
		skip_events(client, CLIENT_CONNECTING);
	}
	if (err != AEF_ERR_IO)
		err = client->state == CLIENT_OPEN && !client->doomed ? 0 : AEF_ERR_CLOSED;
	return let_go(client, err);
}

/* ---- sending -----------------------------------------------------------------------------------
 */

int
client_channel(struct client *client, uint16_t channel, const struct quantum_chan_conf *conf)
{
	return client->conn == NULL ? AEF_ERR_STATE
	                            : quantum_conn_open(client->conn, channel, conf);
}

static int
send_buf(struct client *client, uint16_t channel, struct client_buf *buf, uint32_t len,
         const struct client_send_opt *opt)
{
	const struct quantum_slice slice = { .data = buf->data, .len = len, .owner = buf };
	struct quantum_send send = { .channel = channel };

	if (opt != NULL) {
		send.key = opt->key;
		send.report = opt->report;
		send.cookie = opt->cookie;
	}
	return quantum_conn_send(client->conn, &send, &slice, 1, client_os_ns());
}

static int
send_check(const struct client *client)
{
	if (client->state == CLIENT_IDLE)
		return AEF_ERR_STATE;
	return client->state == CLIENT_CONNECTING || client->state == CLIENT_OPEN ? 0
	                                                                          : AEF_ERR_CLOSED;
}

int
client_send(struct client *client, uint16_t channel, const void *data, uint32_t len,
            const struct client_send_opt *opt)
{
	struct client_buf *buf;
	int err = send_check(client);

	if (err != 0)
		return err;
	if (len > WIRE_MESSAGE_BYTES_MAX)
		return AEF_ERR_LIMIT;
	buf = client_buf_get(&client->ep->bufs, len, false);
	if (buf == NULL)
		return AEF_ERR_NOMEM;
	if (len > 0)
		memcpy(buf->data, data, len);
	err = send_buf(client, channel, buf, len, opt);
	if (err != 0)
		client_buf_put(&client->ep->bufs, buf);
	return err;
}

int
client_send_ref(struct client *client, uint16_t channel, const struct client_ref *ref,
                const struct client_send_opt *opt)
{
	struct client_buf *buf;
	int err = send_check(client);

	if (err != 0)
		return err;
	buf = client_buf_wrap(&client->ep->bufs, ref->data, ref->len);
	if (buf == NULL)
		return AEF_ERR_NOMEM;
	err = send_buf(client, channel, buf, ref->len, opt);
	if (err != 0) {
		client_buf_put(&client->ep->bufs, buf);
		return err;
	}
	buf->release = ref->release;
	buf->release_arg = ref->arg;
	return 0;
}

bool
client_drained(const struct client *client)
{
	return client->conn == NULL || quantum_conn_drained(client->conn);
}

/* ---- ending ------------------------------------------------------------------------------------
 */

void
client_close(struct client *client, uint64_t code, const char *reason, uint64_t flush_ns)
{
	const uint64_t now_ns = client_os_ns();

	if (client->state != CLIENT_CONNECTING && client->state != CLIENT_OPEN)
		return;
	client->state = CLIENT_CLOSING;
	client->close_code = code;
	client->close_by_ns = aef_add_sat_u64(now_ns, flush_ns);
	client->close_reason[0] = '\0';
	if (reason != NULL)
		(void)snprintf(client->close_reason, sizeof(client->close_reason), "%s", reason);
	client_step(client, now_ns);
	if (client->use_callbacks && client->cb.on_state != NULL)
		client->cb.on_state(client->cb.user, client, CLIENT_CLOSING);
}

int
client_shutdown(struct client *client, uint64_t code, const char *reason, uint64_t flush_ns)
{
	int err = 0;

	if (client->conn == NULL)
		return 0;
	client->kept = true;
	client_close(client, code, reason, flush_ns);
	while (err == 0) {
		err = run_kept(client, AEF_NS_PER_S);
		skip_events(client, CLIENT_CLOSING);
	}
	return let_go(client, client->flushed ? 0 : AEF_ERR_TIMEOUT);
}

int
client_rebind(struct client *client)
{
	struct sockio_conf conf;
	struct sockio *sock;
	int err;

	if (client->accepted)
		return AEF_ERR_STATE;
	conf = socket_conf(client, &dialled_of(client)->conf);
	conf.local.port = 0;
	err = sockio_open(&conf, &sock);
	if (err != 0) {
		client_set_why(client, "no new socket: %s", strerror(errno));
		return err;
	}
	sockio_close(client->ep->sock);
	client->ep->sock = sock;
	return client->conn != NULL && quantum_conn_established(client->conn)
	               ? quantum_conn_migrate(client->conn, client_os_ns())
	               : 0;
}

/* ---- looking at it -----------------------------------------------------------------------------
 */

enum client_state
client_state(const struct client *client)
{
	return client->state;
}

const char *
client_error(const struct client *client)
{
	return client->why;
}

struct client_end
client_ending(const struct client *client)
{
	return client->end;
}

void
client_stats(const struct client *client, struct client_stats *ret_stats)
{
	*ret_stats = (struct client_stats){ .sock = *sockio_stats(client->ep->sock),
		                            .rx_no_memory = client->ep->bufs.rx_refused,
		                            .rx_held_bytes = client->ep->bufs.rx_bytes,
		                            .filtered = client->ep->filtered };
	if (client->conn != NULL)
		quantum_conn_stats(client->conn, &ret_stats->conn);
}

struct sockio_addr
client_peer(const struct client *client)
{
	return client->conn != NULL ? client_to_sockio(quantum_conn_peer(client->conn))
	                            : client->server;
}

uint16_t
client_port(const struct client *client)
{
	return sockio_port(client->ep->sock);
}

void
client_set_callbacks(struct client *client, const struct client_callbacks *callbacks)
{
	client->use_callbacks = callbacks != NULL;
	client->cb = callbacks != NULL ? *callbacks : (struct client_callbacks){ .user = NULL };
}

void
client_set_user(struct client *client, void *user)
{
	client->user = user;
}

void *
client_user(const struct client *client)
{
	return client->user;
}
