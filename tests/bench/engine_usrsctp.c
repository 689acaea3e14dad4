/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_usrsctp.c - usrsctp without threads over AF_CONN: output goes into a ring in memory, from
 * there into the other end; CRC32c off. Each end has a handle of its own, which is its local
 * address and, as usrsctp wants it, also that of its peer.
 *
 * One library per process, so a second pair shares it: close only closes the sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <usrsctp.h>

#include "engine.h"

#define RING_PKTS 128u /* in L2 */
#define PKT_MAX   2048u
#define SCTP_PORT 5000

struct pkt {
	void *to;
	size_t len;
	uint8_t data[PKT_MAX];
};

struct ends {
	char handle[2]; /* their addresses name client and server */
	struct socket *client, *listener, *server;
	uint32_t bytes;
	uint32_t head, tail;
	uint64_t lost; /* ring full */
	uint64_t last_timer_ms;
	uint64_t received;
	uint8_t msg[ENGINE_MSG_MAX];
	struct pkt ring[RING_PKTS];
};

/* usrsctp's output callback knows only the handle, so the pair at work is named here. */
static struct ends *at_work;

static int
on_output(void *addr, void *data, size_t len, uint8_t tos, uint8_t set_df)
{
	struct ends *e = at_work;
	struct pkt *p = &e->ring[e->head % RING_PKTS];

	(void)tos;
	(void)set_df;
	if (addr != &e->handle[0] && addr != &e->handle[1])
		return 0; /* a pair that is closing */
	if (e->head - e->tail == RING_PKTS || len > PKT_MAX) {
		e->lost++;
		return 0;
	}
	p->to = addr == &e->handle[0] ? &e->handle[1] : &e->handle[0];
	p->len = len;
	memcpy(p->data, data, len);
	e->head++;
	return 0;
}

static void
pump(struct ends *e)
{
	while (e->tail != e->head) {
		const struct pkt *p = &e->ring[e->tail % RING_PKTS];

		usrsctp_conninput(p->to, p->data, p->len, 0);
		e->tail++;
	}
}

static void
timers(struct ends *e, uint64_t now_ns)
{
	const uint64_t ms = now_ns / 1000000;

	if (ms != e->last_timer_ms)
		usrsctp_handle_timers(e->last_timer_ms != 0 && ms - e->last_timer_ms < 10
		                              ? (uint32_t)(ms - e->last_timer_ms)
		                              : 1);
	e->last_timer_ms = ms;
}

static struct sockaddr_conn
address(void *handle, uint16_t port)
{
	struct sockaddr_conn sc = { .sconn_family = AF_CONN,
		                    .sconn_port = htons(port),
		                    .sconn_addr = handle };

	return sc;
}

static struct socket *
make_socket(struct ends *e, unsigned idx)
{
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	struct sockaddr_conn at = address(&e->handle[idx], SCTP_PORT);
	const int on = 1, size = 1 << 18;

	if (so == NULL)
		return NULL;
	usrsctp_register_address(&e->handle[idx]);
	usrsctp_set_non_blocking(so, 1);
	(void)usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof(on));
	(void)usrsctp_setsockopt(so, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)usrsctp_setsockopt(so, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (usrsctp_bind(so, (struct sockaddr *)&at, sizeof(at)) != 0)
		return NULL;
	return so;
}

/* The SCTP stack starts once and stays. */
static void
start_library(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	usrsctp_init_nothreads(0, on_output, NULL);
	usrsctp_enable_crc32c_offload();
	usrsctp_sysctl_set_sctp_ecn_enable(0);
}

void *
engine_usrsctp_open(uint32_t bytes)
{
	struct ends *e = bench_alloc(sizeof(*e));
	const uint64_t end = bench_now_ns() + 10000000000u;

	e->bytes = bytes;
	at_work = e;
	start_library();
	e->client = make_socket(e, 0);
	e->listener = make_socket(e, 1);
	if (e->client == NULL || e->listener == NULL || usrsctp_listen(e->listener, 1) != 0)
		return NULL;

	struct sockaddr_conn to = address(&e->handle[0], SCTP_PORT);

	if (usrsctp_connect(e->client, (struct sockaddr *)&to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS)
		return NULL;
	while (e->server == NULL && bench_now_ns() < end) {
		pump(e);
		timers(e, bench_now_ns());
		e->server = usrsctp_accept(e->listener, NULL, NULL);
	}
	if (e->server == NULL)
		return NULL;
	usrsctp_set_non_blocking(e->server, 1);
	return e;
}

static void
receive(struct ends *e)
{
	uint8_t buf[ENGINE_MSG_MAX];
	struct sctp_rcvinfo info;
	struct sockaddr_conn from;
	socklen_t from_len = sizeof(from), info_len = sizeof(info);
	unsigned type = 0;
	int flags = 0;

	while (usrsctp_recvv(e->server, buf, sizeof(buf), (struct sockaddr *)&from, &from_len,
	                     &info, &info_len, &type, &flags) > 0) {
		if ((flags & MSG_EOR) != 0)
			e->received++;
		from_len = sizeof(from);
		info_len = sizeof(info);
		flags = 0;
	}
}

struct bench_sample
engine_usrsctp_run(void *ctx, uint64_t round_ns)
{
	struct ends *e = ctx;
	const uint64_t before = e->received, start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start;

	at_work = e;
	e->last_timer_ms = start / 1000000;
	while (now - start < round_ns) {
		for (unsigned i = 0; i < 32; i++)
			if (usrsctp_sendv(e->client, e->msg, e->bytes, NULL, 0, NULL, 0,
			                  SCTP_SENDV_NOINFO, 0) < 0)
				break;
		pump(e);
		receive(e);
		now = bench_now_ns();
		timers(e, now);
	}
	return (struct bench_sample){ e->received - before, bench_cpu_ns() - cpu };
}

void
engine_usrsctp_close(void *ctx)
{
	struct ends *e = ctx;

	if (e == NULL)
		return;
	at_work = e;
	if (e->client != NULL)
		usrsctp_close(e->client);
	if (e->server != NULL)
		usrsctp_close(e->server);
	if (e->listener != NULL)
		usrsctp_close(e->listener);
	for (unsigned i = 0; i < 1000; i++) {
		pump(e);
		usrsctp_handle_timers(1);
	}
	usrsctp_deregister_address(&e->handle[0]);
	usrsctp_deregister_address(&e->handle[1]);
	/* The stack may still name the handles: the pair stays until the process ends. */
}
