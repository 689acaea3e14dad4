/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <base/err.h>
#include <dpio/conf.h>

#include "dpio_priv.h"

static const cyaml_strval_t hugepages_words[] = {
	{ "auto", DPIO_HUGEPAGES_AUTO },
	{ "never", DPIO_HUGEPAGES_NEVER },
	{ "always", DPIO_HUGEPAGES_ALWAYS },
};
static const cyaml_strval_t checksum_words[] = {
	{ "auto", DPIO_CHECKSUM_AUTO },
	{ "software", DPIO_CHECKSUM_SOFTWARE },
};

#define PORT_STRING(key, member, max)                                                              \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                      \
	                       struct dpio_port_conf, member, 1, max)
#define PORT_UINT(key, member)                                                                     \
	CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, struct dpio_port_conf, member)
#define CONF_UINT(key, member) CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, struct dpio_conf, member)

static const cyaml_schema_field_t port_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct dpio_port_conf, name, 1, 15),
	CYAML_FIELD_STRING_PTR("device", CYAML_FLAG_POINTER, struct dpio_port_conf, device, 1, 255),
	PORT_STRING("mac", mac, 17),
	PORT_STRING("ipv4", ipv4, 18),
	PORT_STRING("ipv6", ipv6, 49),
	PORT_STRING("gateway4", gateway4, 15),
	PORT_STRING("gateway6", gateway6, 45),
	PORT_UINT("queues", queues),
	PORT_UINT("rx_desc", rx_desc),
	PORT_UINT("tx_desc", tx_desc),
	PORT_UINT("mtu", mtu),
	PORT_UINT("vlan", vlan),
	PORT_UINT("udp_port", udp_port),
	CYAML_FIELD_BOOL("promiscuous", CYAML_FLAG_OPTIONAL, struct dpio_port_conf, promiscuous),
	CYAML_FIELD_ENUM("checksum", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct dpio_port_conf,
	                 checksum, checksum_words, CYAML_ARRAY_LEN(checksum_words)),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t port_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct dpio_port_conf, port_fields),
};
static const cyaml_schema_value_t cpu_value = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t) };

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_ENUM("hugepages", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct dpio_conf,
	                 hugepages, hugepages_words, CYAML_ARRAY_LEN(hugepages_words)),
	CONF_UINT("memory_mb", memory_mb),
	CONF_UINT("lcores", lcores),
	CYAML_FIELD_SEQUENCE_COUNT("cpus", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                           struct dpio_conf, cpus, nb_cpus, &cpu_value, 1, 64),
	CONF_UINT("mbufs", mbufs),
	CONF_UINT("mbuf_bytes", mbuf_bytes),
	CONF_UINT("icmp_per_s", icmp_per_s),
	CYAML_FIELD_SEQUENCE_COUNT("ports", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                           struct dpio_conf, ports, nb_ports, &port_value, 0,
	                           DPIO_PORTS_MAX),
	CYAML_FIELD_END,
};
const cyaml_schema_value_t dpio_conf_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct dpio_conf, fields),
};

#define CONF_NUMBER(member, def, min, max, help)                                                   \
	AEF_CONFIG_NUMBER(struct dpio_conf, member, def, min, max, help)
#define PORT_NUMBER(member, def, min, max, help)                                                   \
	AEF_CONFIG_NUMBER(struct dpio_port_conf, member, def, min, max, help)

const struct aef_config_number dpio_conf_numbers[] = {
	CONF_NUMBER(memory_mb, 512, 64, 1u << 20, "MiB of memory for DPDK, buffers included"),
	CONF_NUMBER(lcores, 0, 0, 64, "lcores; 0 = one for each CPU of `cpus`"),
	CONF_NUMBER(mbufs, 16384, 512, 1u << 22, "packet buffers"),
	CONF_NUMBER(mbuf_bytes, 2048, 1600, 16384, "bytes of a buffer without its headroom"),
	CONF_NUMBER(icmp_per_s, 1000, 1, 1000000,
	            "answers a second to ARP, ND and ping, per lcore"),
	{ 0 },
};
const struct aef_config_number dpio_port_conf_numbers[] = {
	PORT_NUMBER(queues, 1, 1, DPIO_QUEUES_MAX,
	            "queue pairs; fewer where the device has no RSS"),
	PORT_NUMBER(rx_desc, 1024, 32, 16384, "receive descriptors of a queue"),
	PORT_NUMBER(tx_desc, 1024, 32, 16384, "transmit descriptors of a queue"),
	PORT_NUMBER(mtu, 1500, 1280, 9000, "bytes of an IP packet"),
	PORT_NUMBER(vlan, 0, 0, 4094, "VLAN id; 0 = untagged"),
	PORT_NUMBER(udp_port, 4433, 1, 65535, "UDP port that Quantum listens on"),
	PORT_NUMBER(promiscuous, 1, 0, 1, "also take frames for other MACs from the device"),
	{ 0 },
};

static void
numbers_default(void *base, const struct aef_config_number *table)
{
	for (; table->key != NULL; table++)
		memcpy((uint8_t *)base + table->offset, &table->def, table->size);
}

void
dpio_conf_defaults(struct dpio_conf *conf)
{
	*conf = (struct dpio_conf){ 0 };
	numbers_default(conf, dpio_conf_numbers);
}

void
dpio_port_conf_defaults(struct dpio_port_conf *conf)
{
	*conf = (struct dpio_port_conf){ 0 };
	numbers_default(conf, dpio_port_conf_numbers);
}

/* What is wrong with the addresses of a port, and under which key. */
struct complaint {
	const char *key;
	const char *what;
};

static bool
complain(struct complaint *c, const char *key, const char *what)
{
	*c = (struct complaint){ key, what };
	return false;
}

static bool
ipv4_usable(const struct net_ip *ip)
{
	return net_ip_is_v4(ip) && ip->b[12] != 0 && ip->b[12] != 127 && ip->b[12] < 224;
}

/* Global or unique-local unicast; the link-local address is made from the MAC. */
static bool
ipv6_usable(const struct net_ip *ip)
{
	static const uint8_t zero[10];

	return !net_ip_is_v4(ip) && ip->b[0] != 0xff && memcmp(ip->b, zero, sizeof(zero)) != 0 &&
	       !(ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80);
}

/* A gateway must be reachable without a gateway. */
static bool
gateway_on_link(const struct net_local *local, const struct net_ip *gateway)
{
	struct net_ip hop;
	struct net_local bare = *local;

	bare.has_gateway4 = bare.has_gateway6 = false;
	return net_next_hop(&bare, gateway, &hop) == 0;
}

static bool
local_v4(const struct dpio_port_conf *conf, struct net_local *local, struct complaint *c)
{
	if (conf->ipv4 != NULL) {
		if (net_ip_parse(conf->ipv4, &local->ipv4, &local->ipv4_prefix) < 0 ||
		    !ipv4_usable(&local->ipv4))
			return complain(c, "ipv4",
			                "must be an address with its prefix, as 192.0.2.1/24");
		local->has_ipv4 = true;
	}
	if (conf->gateway4 == NULL)
		return true;
	if (!local->has_ipv4 || net_ip_parse(conf->gateway4, &local->gateway4, NULL) < 0 ||
	    !ipv4_usable(&local->gateway4) || !gateway_on_link(local, &local->gateway4))
		return complain(c, "gateway4", "must be an address in the network of ipv4");
	local->has_gateway4 = true;
	return true;
}

static bool
local_v6(const struct dpio_port_conf *conf, struct net_local *local, struct complaint *c)
{
	if (conf->ipv6 != NULL) {
		if (net_ip_parse(conf->ipv6, &local->ipv6, &local->ipv6_prefix) < 0 ||
		    !ipv6_usable(&local->ipv6))
			return complain(c, "ipv6",
			                "must be an address with its prefix, as 2001:db8::1/64");
		local->has_ipv6 = true;
	}
	if (conf->gateway6 == NULL)
		return true;
	if (!local->has_ipv6 || net_ip_parse(conf->gateway6, &local->gateway6, NULL) < 0 ||
	    net_ip_is_v4(&local->gateway6) || local->gateway6.b[0] == 0xff ||
	    !gateway_on_link(local, &local->gateway6))
		return complain(c, "gateway6",
		                "must be an address in the network of ipv6, or fe80::");
	local->has_gateway6 = true;
	return true;
}

static bool
local_make(const struct dpio_port_conf *conf, struct net_local *local, struct complaint *c)
{
	*local = (struct net_local){ .vlan_id = conf->vlan, .udp_port = conf->udp_port };
	if (conf->mac != NULL && net_mac_parse(conf->mac, local->mac) < 0)
		return complain(c, "mac", "must be a unicast MAC address, as 02:00:00:00:00:01");
	if (!local_v4(conf, local, c) || !local_v6(conf, local, c))
		return false;
	net_local_finish(local);
	return true;
}

int
dpio_port_conf_local(const struct dpio_port_conf *conf, struct net_local *ret_local,
                     struct aef_text *ret_error)
{
	struct complaint c;

	if (local_make(conf, ret_local, &c))
		return 0;
	aef_text_printf(ret_error, "%s of port %s %s", c.key, conf->name, c.what);
	return AEF_ERR_CONFIG;
}

/* "0000:3b:00.0", or short "3b:00.0", with or without ",parameters". */
bool
dpio_device_is_pci(const char *device)
{
	const size_t len = strcspn(device, ",");

	return (len == 7 || len == 12) && device[len - 2] == '.' && device[len - 5] == ':' &&
	       strspn(device, "0123456789abcdefABCDEF:.") == len;
}

static int
port_check(struct aef_config *config, const struct dpio_conf *conf, uint32_t idx)
{
	const struct dpio_port_conf *port = &conf->ports[idx];
	char at[32], key[48];
	struct net_local local;
	struct complaint c;

	(void)snprintf(at, sizeof(at), "dpio.ports[%u]", idx); /* fits */
	if (!local_make(port, &local, &c)) {
		(void)snprintf(key, sizeof(key), "%s.%s", at, c.key); /* fits */
		return aef_config_fail(config, key, "%s", c.what);
	}
	if (!local.has_ipv4 && !local.has_ipv6)
		return aef_config_fail(config, at, "needs ipv4 or ipv6");
	(void)snprintf(key, sizeof(key), "%s.device", at); /* fits */
	if (strncmp(port->device, "net_", 4) != 0 && !dpio_device_is_pci(port->device))
		return aef_config_fail(config, key,
		                       "must be a PCI address or a net_ device, it is '%.40s'",
		                       port->device);
	(void)snprintf(key, sizeof(key), "%s.mtu", at); /* fits */
	if (port->mtu + NET_ETHER_BYTES + NET_VLAN_BYTES > conf->mbuf_bytes)
		return aef_config_fail(config, key,
		                       "does not fit a buffer; raise dpio.mbuf_bytes to %u",
		                       port->mtu + NET_ETHER_BYTES + NET_VLAN_BYTES);
	for (uint32_t i = 0; i < idx; i++) {
		(void)snprintf(key, sizeof(key), "%s.name", at); /* fits */
		if (strcmp(conf->ports[i].name, port->name) == 0)
			return aef_config_fail(config, key, "'%s' is taken by another port",
			                       port->name);
		(void)snprintf(key, sizeof(key), "%s.device", at); /* fits */
		if (strcmp(conf->ports[i].device, port->device) == 0)
			return aef_config_fail(config, key, "is used by another port");
	}
	return 0;
}

int
dpio_conf_validate(struct aef_config *config, void *section)
{
	struct dpio_conf *conf = section;
	int rc = aef_config_numbers(config, "dpio", conf, dpio_conf_numbers);

	/* 128 bytes of headroom, 128 of mbuf header, 64 of mempool header */
	if (rc == 0 && (uint64_t)conf->mbufs * (conf->mbuf_bytes + 320u) > (uint64_t)conf->memory_mb
	                                                                           << 20)
		return aef_config_fail(
			config, "dpio.memory_mb",
			"is too small for %u buffers of %u bytes: at least %u", conf->mbufs,
			conf->mbuf_bytes,
			(unsigned)(((uint64_t)conf->mbufs * (conf->mbuf_bytes + 320u)) >> 20) + 1);
	for (uint32_t i = 0; rc == 0 && i < conf->nb_ports; i++) {
		char at[32];

		(void)snprintf(at, sizeof(at), "dpio.ports[%u]", i); /* fits */
		rc = aef_config_numbers(config, at, &conf->ports[i], dpio_port_conf_numbers);
	}
	for (uint32_t i = 0; rc == 0 && i < conf->nb_ports; i++)
		rc = port_check(config, conf, i);
	return rc;
}
