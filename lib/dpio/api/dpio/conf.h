/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/conf.h - section `dpio` of the configuration: EAL, memory and ports, as the YAML file gives
 * it.
 *
 * The same structures are filled in by hand by programs that need no file (lab, tests): zero a
 * struct dpio_port_conf, set name and device, then dpio_port_conf_defaults.
 *
 * Context: main thread.
 */
#ifndef DPIO_CONF_H
#define DPIO_CONF_H

#include <dpio/net.h>
#include <runtime/config.h>

#define DPIO_PORTS_MAX  16
#define DPIO_QUEUES_MAX 16

enum dpio_hugepages {
	DPIO_HUGEPAGES_AUTO,   /* when enough are free */
	DPIO_HUGEPAGES_NEVER,  /* ordinary pages */
	DPIO_HUGEPAGES_ALWAYS, /* refuse to start without */
};

enum dpio_checksum {
	DPIO_CHECKSUM_AUTO,     /* in hardware where the device offers it */
	DPIO_CHECKSUM_SOFTWARE, /* always here */
};

/* One entry of `dpio.ports`. Strings are owned by the configuration, or static; NULL = absent. */
struct dpio_port_conf {
	const char *name;   /* ours, for messages, metrics and commands */
	const char *device; /* PCI address, or vdev: "net_memif0,role=server,socket=..." */
	const char *mac;    /* NULL: the device's own */
	const char *ipv4;   /* "192.0.2.1/24" */
	const char *ipv6;   /* "2001:db8::1/64" */
	const char *gateway4, *gateway6;
	uint16_t queues; /* RX and TX alike; fewer where the device has no RSS */
	uint16_t rx_desc, tx_desc;
	uint16_t mtu;
	uint16_t vlan; /* 0 = untagged */
	uint16_t udp_port;
	bool promiscuous;
	enum dpio_checksum checksum;
};

struct dpio_conf {
	enum dpio_hugepages hugepages;
	uint32_t memory_mb; /* EAL memory */
	uint16_t lcores;    /* 0: one per CPU of `cpus` */
	uint16_t *cpus;     /* lcore i runs on cpus[i mod nb_cpus]; none: those we may use */
	uint32_t nb_cpus;
	uint32_t mbufs;      /* buffers per pool */
	uint16_t mbuf_bytes; /* data bytes of a buffer, headroom not included */
	uint32_t icmp_per_s; /* answers to ARP, ND and ping, per lcore */
	struct dpio_port_conf *ports;
	uint32_t nb_ports;
};

/** Schema of the section, its table of numbers, and its validate hook; used by dpio_module. */
extern const cyaml_schema_value_t dpio_conf_schema;
extern const struct aef_config_number dpio_conf_numbers[];
extern const struct aef_config_number dpio_port_conf_numbers[];
int dpio_conf_validate(struct aef_config *config, void *conf);

/** All defaults, no port; for programs without a file. */
void dpio_conf_defaults(struct dpio_conf *conf);

/** Defaults of every number of one port; strings become NULL. */
void dpio_port_conf_defaults(struct dpio_port_conf *conf);

/**
 * Addresses of a port from its text; the MAC is left for the device when conf->mac is NULL.
 *
 * @param ret_error one sentence on failure
 * @return 0 or AEF_ERR_CONFIG
 */
AEF_MUST_CHECK int dpio_port_conf_local(const struct dpio_port_conf *conf,
                                        struct net_local *ret_local, struct aef_text *ret_error);

#endif
