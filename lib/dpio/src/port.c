/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>

#include <base/err.h>
#include <dpio/port.h>

#include "dpio_priv.h"

#define RSS_WANTED (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)
#define RX_CSUM    (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_CSUM    (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

#define LINK_WAIT_MS 1000
#define LINK_STEP_MS 10

/* Devices whose queues are filled by the other end, or by the kernel, without RSS of their own. */
static const char *const own_queues[] = {
	"net_ring", "net_memif", "net_null", "net_pcap", "net_af_packet", "net_af_xdp",
};

/* "Port NAME (DEVICE): WHAT (DPDK's own words)." */
static int
refuse(struct aef_text *ret_error, const struct dpio_port_conf *conf, int err, const char *what)
{
	const char *words = dpio_dpdk_words();
	const bool any = words[0] != '\0';

	aef_text_printf(ret_error, "Port %s (%.80s): %s%s%s%s.", conf->name, conf->device, what,
	                any ? " (" : "", words, any ? ")" : "");
	return err;
}

static int
refuse_code(struct aef_text *ret_error, const struct dpio_port_conf *conf, int rc, const char *what)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s: %s", what, rte_strerror(-rc)); /* fits */
	return refuse(ret_error, conf, rc == -ENOMEM ? AEF_ERR_NOMEM : AEF_ERR_IO, text);
}

/* "net_memif0,role=server" is port "net_memif0", "3b:00.0" is "0000:3b:00.0". */
static void
device_name(const char *device, char *ret_name, size_t cap)
{
	const size_t len = strcspn(device, ",");
	const char *domain = dpio_device_is_pci(device) && len == 7 ? "0000:" : "";

	(void)snprintf(ret_name, cap, "%s%.*s", domain, (int)len, device);
}

static int
probe_failed(struct aef_text *ret_error, const struct dpio_port_conf *conf, int rc)
{
	if (rc == -EEXIST || rc == -EBUSY)
		return refuse(ret_error, conf, AEF_ERR_STATE,
		              "the device is busy; is it used twice?");
	if (rc == -EFAULT) /* what DPDK says when no bus knows the name */
		return refuse(ret_error, conf, AEF_ERR_NOTFOUND,
		              "no driver takes it; check the name, and that the driver is "
		              "installed");
	return refuse(ret_error, conf, AEF_ERR_IO,
	              "the driver refuses it; check its parameters, that the interface is there, "
	              "and your rights");
}

static int
probe(struct dpio_port *port, struct aef_text *ret_error)
{
	const struct dpio_port_conf *conf = &port->conf;
	int rc;

	device_name(conf->device, port->devname, sizeof(port->devname));
	if (dpio_device_is_pci(conf->device)) {
		if (rte_eth_dev_get_port_by_name(port->devname, &port->port_id) == 0)
			return 0;
		rc = rte_dev_probe(conf->device); /* bound after the start */
		if (rc < 0 || rte_eth_dev_get_port_by_name(port->devname, &port->port_id) < 0)
			return refuse(ret_error, conf, AEF_ERR_NOTFOUND,
			              "no NIC there that a DPDK driver may use; bind it as "
			              "drivers-conf/README.md says");
		return 0;
	}
	if (rte_eth_dev_get_port_by_name(port->devname, &port->port_id) == 0)
		return refuse(ret_error, conf, AEF_ERR_STATE, "the device is busy: a port has it");
	rc = rte_dev_probe(conf->device);
	if (rc < 0)
		return probe_failed(ret_error, conf, rc);
	port->plugged = true;
	if (rte_eth_dev_get_port_by_name(port->devname, &port->port_id) < 0)
		return refuse(ret_error, conf, AEF_ERR_NOTFOUND, "the device has no Ethernet port");
	return 0;
}

static bool
has_own_queues(const char *driver)
{
	for (unsigned i = 0; i < RTE_DIM(own_queues); i++)
		if (strcmp(driver, own_queues[i]) == 0)
			return true;
	return false;
}

/* How many queue pairs the device can really give us. */
static uint16_t
queues_possible(struct dpio_port *port, const struct rte_eth_dev_info *info)
{
	uint16_t nb = port->conf.queues;

	nb = RTE_MIN(nb, RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	port->rss = nb > 1 && (info->flow_type_rss_offloads & RSS_WANTED) != 0;
	return port->rss || has_own_queues(port->driver) ? nb : RTE_MIN(nb, 1);
}

static void
offloads_choose(struct dpio_port *port, const struct rte_eth_dev_info *info,
                struct rte_eth_conf *eth)
{
	const bool wanted = port->conf.checksum == DPIO_CHECKSUM_AUTO;

	port->hw_rx_csum = wanted && (info->rx_offload_capa & RX_CSUM) == RX_CSUM;
	port->hw_tx_csum = wanted && (info->tx_offload_capa & TX_CSUM) == TX_CSUM;
	if (port->hw_rx_csum)
		eth->rxmode.offloads |= RX_CSUM;
	if (port->hw_tx_csum)
		eth->txmode.offloads |= TX_CSUM;
	if (port->rss) {
		eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		eth->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_WANTED;
	}
}

static int
queues_setup(const struct dpio_port *port, const struct rte_eth_dev_info *info,
             const struct rte_eth_conf *eth, struct rte_mempool *mp)
{
	uint16_t rx_desc = port->conf.rx_desc, tx_desc = port->conf.tx_desc;
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	const unsigned socket = (unsigned)RTE_MAX(rte_eth_dev_socket_id(port->port_id), 0);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->port_id, &rx_desc, &tx_desc);

	rx.offloads = eth->rxmode.offloads;
	tx.offloads = eth->txmode.offloads;
	for (uint16_t q = 0; rc == 0 && q < port->nb_queues; q++) {
		rc = rte_eth_rx_queue_setup(port->port_id, q, rx_desc, socket, &rx, mp);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(port->port_id, q, tx_desc, socket, &tx);
	}
	return rc;
}

/* Ports without a MAC of their own (rings) get a locally administered one from their name. */
static int
mac_choose(struct dpio_port *port, struct aef_text *ret_error)
{
	static const uint8_t none[NET_MAC_BYTES];
	struct rte_ether_addr mac;
	uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */

	if (port->conf.mac != NULL) {
		memcpy(mac.addr_bytes, port->local.mac, NET_MAC_BYTES);
		/* a device that cannot change it still works: it is set promiscuous */
		(void)rte_eth_dev_default_mac_addr_set(port->port_id, &mac);
		return 0;
	}
	if (rte_eth_macaddr_get(port->port_id, &mac) < 0)
		return refuse(ret_error, &port->conf, AEF_ERR_IO, "its MAC cannot be read");
	memcpy(port->local.mac, mac.addr_bytes, NET_MAC_BYTES);
	if (memcmp(port->local.mac, none, sizeof(none)) != 0)
		return 0;
	for (const char *c = port->conf.name; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
	memcpy(port->local.mac, &hash, NET_MAC_BYTES);
	port->local.mac[0] = 2;
	return 0;
}

static void
link_wait(const struct dpio_port *port)
{
	if (!dpio_device_is_pci(port->conf.device))
		return; /* a memif link waits for its peer, the others are up at once */
	for (unsigned ms = 0; ms < LINK_WAIT_MS && !dpio_port_link_up(port); ms += LINK_STEP_MS)
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
}

/* The device is probed and its number known: everything up to the running port. */
static int
configure(struct dpio_port *port, const struct dpio_pool *pool, struct aef_text *ret_error)
{
	struct rte_eth_conf eth = { 0 };
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->port_id, &info);

	if (rc < 0)
		return refuse_code(ret_error, &port->conf, rc, "it gives no information");
	port->driver = info.driver_name;
	port->nb_queues = queues_possible(port, &info);
	if (port->nb_queues == 0)
		return refuse(ret_error, &port->conf, AEF_ERR_UNSUPPORTED,
		              "it has no receive or no transmit queue; give it both");
	if (port->conf.mtu < info.min_mtu || port->conf.mtu > info.max_mtu)
		return refuse(ret_error, &port->conf, AEF_ERR_CONFIG,
		              "the device does not do this mtu");
	offloads_choose(port, &info, &eth);
	eth.rxmode.mtu = port->conf.mtu;
	rc = rte_eth_dev_configure(port->port_id, port->nb_queues, port->nb_queues, &eth);
	if (rc < 0)
		return refuse_code(ret_error, &port->conf, rc, "it refuses the configuration");
	rc = queues_setup(port, &info, &eth, pool->mp);
	if (rc < 0)
		return refuse_code(ret_error, &port->conf, rc, "its queues cannot be set up");
	rc = mac_choose(port, ret_error);
	if (rc < 0)
		return rc;
	rc = rte_eth_dev_start(port->port_id);
	if (rc < 0)
		return refuse_code(ret_error, &port->conf, rc, "it does not start");
	port->started = true;
	if (port->conf.promiscuous)
		(void)rte_eth_promiscuous_enable(port->port_id); /* rings have no such mode */
	else if (port->local.has_ipv6)                           /* solicitations go to a group */
		(void)rte_eth_allmulticast_enable(port->port_id);
	net_local_finish(&port->local);
	link_wait(port);
	return 0;
}

static int
begin(struct dpio_port *port, const struct dpio_port_conf *conf, struct aef_text *ret_error)
{
	*port = (struct dpio_port){ .port_id = RTE_MAX_ETHPORTS, .conf = *conf };
	(void)snprintf(port->name, sizeof(port->name), "%s", conf->name); /* cut is fine */
	dpio_dpdk_forget_words();
	return dpio_port_conf_local(conf, &port->local, ret_error);
}

static int
lock(struct dpio_port *port, struct aef_text *ret_error)
{
	const int rc = dpio_iface_lock(port->conf.device, &port->lock_fd);

	port->locked = port->lock_fd >= 0;
	if (rc == AEF_ERR_STATE)
		return refuse(ret_error, &port->conf, rc,
		              "another AetherFlow program has this interface; end it first, or "
		              "use another interface");
	return rc < 0 ? refuse(ret_error, &port->conf, rc, "no socket can be opened") : 0;
}

int
dpio_port_start(struct dpio_port *port, const struct dpio_port_conf *conf,
                const struct dpio_pool *pool, struct aef_text *ret_error)
{
	int rc = begin(port, conf, ret_error);

	if (rc == 0)
		rc = lock(port, ret_error);
	if (rc == 0)
		rc = probe(port, ret_error);
	if (rc < 0 && !port->plugged)
		port->port_id = RTE_MAX_ETHPORTS; /* not ours to close */
	if (rc == 0)
		rc = configure(port, pool, ret_error);
	if (rc < 0)
		dpio_port_stop(port);
	return rc;
}

int
dpio_port_start_rings(struct dpio_port *port, const struct dpio_port_conf *conf,
                      struct rte_ring *const *rx, struct rte_ring *const *tx,
                      const struct dpio_pool *pool, struct aef_text *ret_error)
{
	struct rte_ring *in[DPIO_QUEUES_MAX], *out[DPIO_QUEUES_MAX];
	int rc = begin(port, conf, ret_error);

	if (rc < 0)
		return rc;
	if (conf->queues == 0 || conf->queues > DPIO_QUEUES_MAX)
		return refuse(ret_error, conf, AEF_ERR_CONFIG, "that many queues are not possible");
	for (uint16_t q = 0; q < conf->queues; q++) { /* DPDK's prototype lacks the const */
		in[q] = rx[q];
		out[q] = tx[q];
	}
	rc = rte_eth_from_rings(conf->device, in, conf->queues, out, conf->queues, 0);
	if (rc < 0)
		return refuse(ret_error, conf, rte_errno == EEXIST ? AEF_ERR_STATE : AEF_ERR_NOMEM,
		              "a ring port cannot be made; is the name taken?");
	port->port_id = (uint16_t)rc;
	port->plugged = true;
	(void)snprintf(port->devname, sizeof(port->devname), "net_ring_%.50s", conf->device);
	rc = configure(port, pool, ret_error);
	if (rc < 0)
		dpio_port_stop(port);
	return rc;
}

void
dpio_port_stop(struct dpio_port *port)
{
	struct rte_eth_dev_info info = { 0 };
	const bool plugged = port->plugged;

	port->plugged = false;
	if (port->locked)
		(void)close(port->lock_fd);
	port->locked = false;
	if (port->devname[0] == '\0' || port->port_id == RTE_MAX_ETHPORTS)
		return;
	(void)rte_eth_dev_info_get(port->port_id, &info); /* zeroed on failure */
	if (port->started)
		(void)rte_eth_dev_stop(port->port_id); /* closed next in any case */
	port->started = false;
	(void)rte_eth_dev_close(port->port_id);
	if (plugged && info.device != NULL)
		(void)rte_dev_remove(info.device); /* it may have gone with the port */
	port->port_id = RTE_MAX_ETHPORTS;
}

bool
dpio_port_link_up(const struct dpio_port *port)
{
	struct rte_eth_link link = { 0 };

	return rte_eth_link_get_nowait(port->port_id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}
