/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "aetherflowd.h"

static void
pool(struct aef_text *out, const char *what, const struct dpio_pool *pool)
{
	aef_text_printf(out, "%s %llu, in use %llu, high water %llu\n", what,
	                (unsigned long long)pool->nb_mbufs, (unsigned long long)pool->in_use,
	                (unsigned long long)pool->high_water);
}

void
node_stats_text(struct aef_text *out)
{
	pool(out, "packet buffers", dpio_pool_shared());
	pool(out, "buffers for replies", &node.replies);
	for (uint8_t i = 0; i < node.transport->lcores; i++) {
		const struct dpio_burst *burst;

		aef_text_printf(out, "transport lcore %u:\n", i);
		pipeline_stats_text(pipeline_lcore_stats(node.lcores[i]), true, out);
		for (uint32_t q = 0; (burst = pipeline_lcore_burst(node.lcores[i], q)) != NULL;
		     q++) {
			aef_text_printf(out, "port %s queue %u:\n", burst->port->name,
			                burst->queue);
			dpio_stats_text(&burst->stats, true, out);
		}
	}
	aef_text_printf(out, "handshake thread:\n");
	pipeline_handshaker_stats_text(pipeline_handshaker_stats(node.handshaker), true, out);
	for (uint8_t i = 0; i < node.workers->lcores; i++) {
		aef_text_printf(out, "worker lcore %u:\n", i);
		worker_stats_text(worker_stats(node.worker[i]), true, out);
	}
}

static void
address(struct aef_text *out, const struct dpio_port *port, const struct net_ip *ip)
{
	char text[NET_IP_TEXT_BYTES];

	net_ip_format(ip, text);
	aef_text_printf(out, net_ip_is_v4(ip) ? " %s:%u" : " [%s]:%u", text, port->local.udp_port);
}

void
node_banner(struct aef_text *out)
{
	aef_text_printf(out,
	                "aetherflowd " AEF_VERSION ": %u transport lcore(s), %u worker(s) (%s),",
	                node.transport->lcores, node.workers->lcores,
	                node.workers->service != NULL ? node.workers->service : "echo");
	for (uint32_t i = 0; dpio_port_at(i) != NULL; i++) {
		const struct dpio_port *port = dpio_port_at(i);

		aef_text_printf(out, " port %s", port->name);
		if (port->local.has_ipv4)
			address(out, port, &port->local.ipv4);
		if (port->local.has_ipv6)
			address(out, port, &port->local.ipv6);
		aef_text_printf(out, ";");
	}
	aef_text_printf(out, " protection: %s", protect_provider(node.protect)->name);
	if (node.token_keys->ephemeral)
		aef_text_printf(out, ", keys: ephemeral (for a laboratory)");
	else
		aef_text_printf(out, ", keys: group %u, epoch %u", protect_ring_group(node.ring),
		                protect_ring_current(node.ring));
}
