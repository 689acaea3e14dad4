/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <base/err.h>
#include <dpio/port.h>

static void
line(const struct dpio_port *port, const char *name, uint64_t value, bool only_nonzero,
     struct aef_text *out)
{
	if (value != 0 || !only_nonzero)
		aef_text_printf(out, "port.%s.%s %llu\n", port->name, name,
		                (unsigned long long)value);
}

void
dpio_port_stats_text(const struct dpio_port *port, bool only_nonzero, struct aef_text *out)
{
	struct rte_eth_stats stats = { 0 };
	const int nb = rte_eth_xstats_get(port->port_id, NULL, 0);

	if (rte_eth_stats_get(port->port_id, &stats) == 0) {
		line(port, "ipackets", stats.ipackets, only_nonzero, out);
		line(port, "opackets", stats.opackets, only_nonzero, out);
		line(port, "ibytes", stats.ibytes, only_nonzero, out);
		line(port, "obytes", stats.obytes, only_nonzero, out);
		line(port, "imissed", stats.imissed, only_nonzero, out);
		line(port, "ierrors", stats.ierrors, only_nonzero, out);
		line(port, "oerrors", stats.oerrors, only_nonzero, out);
		line(port, "rx_nombuf", stats.rx_nombuf, only_nonzero, out);
	}
	for (int i = 0; i < nb; i++) { /* one at a time: no table, whose size DPDK decides */
		struct rte_eth_xstat_name name;
		uint64_t id = (uint64_t)i, value;

		if (rte_eth_xstats_get_names_by_id(port->port_id, &name, 1, &id) == 1 &&
		    rte_eth_xstats_get_by_id(port->port_id, &id, &value, 1) == 1)
			line(port, name.name, value, only_nonzero, out);
	}
}

void
dpio_port_info_text(const struct dpio_port *port, struct aef_text *out)
{
	const struct net_local *local = &port->local;
	const uint8_t *mac = local->mac;
	char ip[NET_IP_TEXT_BYTES];

	aef_text_printf(
		out,
		"port %s: device %s, driver %s, link %s, MAC %02x:%02x:%02x:%02x:%02x:%02x, "
		"mtu %u\n",
		port->name, port->devname, port->driver, dpio_port_link_up(port) ? "up" : "down",
		mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], port->conf.mtu);
	if (local->has_ipv4) {
		net_ip_format(&local->ipv4, ip);
		aef_text_printf(out, "  ipv4 %s/%u", ip, local->ipv4_prefix);
	}
	if (local->has_ipv6) {
		net_ip_format(&local->ipv6, ip);
		aef_text_printf(out, "  ipv6 %s/%u", ip, local->ipv6_prefix);
	}
	aef_text_printf(out, "  udp port %u, vlan %u\n", local->udp_port, local->vlan_id);
	aef_text_printf(out, "  queues %u%s, checksums in: %s, out: %s\n", port->nb_queues,
	                port->rss ? " by RSS" : "", port->hw_rx_csum ? "hardware" : "software",
	                port->hw_tx_csum ? "hardware" : "software");
}

void
dpio_port_stats_reset(const struct dpio_port *port)
{
	(void)rte_eth_stats_reset(
		port->port_id); /* devices without counters refuse; nothing is lost */
	(void)rte_eth_xstats_reset(port->port_id);
}
