/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_enet.c - ENet has no face without sockets: two hosts over loopback in one thread.
 */
#include <enet/enet.h>
#include <stdlib.h>

#include "engine.h"

#define QUEUED_MAX 256u /* reliable packets in flight, bounded as a user of ENet must */

struct ends {
	ENetHost *client, *server;
	ENetPeer *peer;
	uint32_t bytes;
	bool connected;
	uint64_t sent, received;
	uint8_t msg[ENGINE_MSG_MAX];
};

static void
serve(struct ends *e)
{
	ENetEvent ev;

	while (enet_host_service(e->server, &ev, 0) > 0) {
		if (ev.type != ENET_EVENT_TYPE_RECEIVE)
			continue;
		e->received++;
		enet_packet_destroy(ev.packet);
	}
	while (enet_host_service(e->client, &ev, 0) > 0) {
		if (ev.type == ENET_EVENT_TYPE_CONNECT)
			e->connected = true;
	}
}

void *
engine_enet_open(uint32_t bytes)
{
	struct ends *e = bench_alloc(sizeof(*e));
	ENetAddress at = { .host = 0, .port = 0 };
	const uint64_t end = bench_now_ns() + 10000000000u;

	e->bytes = bytes;
	if (enet_initialize() != 0 || enet_address_set_host_ip(&at, "127.0.0.1") != 0)
		return NULL;
	e->server = enet_host_create(&at, 1, 1, 0, 0);
	e->client = enet_host_create(NULL, 1, 1, 0, 0);
	if (e->server == NULL || e->client == NULL ||
	    enet_socket_get_address(e->server->socket, &at) != 0)
		return NULL;
	e->peer = enet_host_connect(e->client, &at, 1, 0);
	while (e->peer != NULL && !e->connected && bench_now_ns() < end)
		serve(e);
	return e->connected ? e : NULL;
}

static void
send_some(struct ends *e)
{
	while (e->sent - e->received < QUEUED_MAX) {
		ENetPacket *p = enet_packet_create(e->msg, e->bytes, ENET_PACKET_FLAG_RELIABLE);

		if (p == NULL || enet_peer_send(e->peer, 0, p) != 0) {
			if (p != NULL)
				enet_packet_destroy(p);
			return;
		}
		e->sent++;
	}
}

struct bench_sample
engine_enet_run(void *ctx, uint64_t round_ns)
{
	struct ends *e = ctx;
	const uint64_t before = e->received, start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start;

	while (now - start < round_ns) {
		send_some(e);
		enet_host_flush(e->client);
		serve(e);
		now = bench_now_ns();
	}
	return (struct bench_sample){ e->received - before, bench_cpu_ns() - cpu };
}

void
engine_enet_close(void *ctx)
{
	struct ends *e = ctx;

	if (e == NULL)
		return;
	enet_host_destroy(e->client);
	enet_host_destroy(e->server);
	enet_deinitialize();
	free(e);
}
