/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>

#include <base/err.h>
#include <dpio/dpio.h>

#include "harness.h"

static const struct aef_module *const modules[] = { &dpio_module, NULL };

#define PORT "dpio:\n  ports:\n    - name: a\n      device: net_null0\n"

START_TEST(conf_profiles_in_drivers_conf_are_accepted)
{
	DIR *dir = opendir("drivers-conf");
	unsigned nb = 0;

	ck_assert_ptr_nonnull(dir);
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		struct aef_config config;
		const struct dpio_conf *conf;
		char path[300];

		/* Whole configurations of the program are its own test's: tests/cli/aetherflowd.sh.
		 */
		if (strstr(e->d_name, ".yaml") == NULL ||
		    strncmp(e->d_name, "aetherflowd", 11) == 0)
			continue;
		snprintf(path, sizeof(path), "drivers-conf/%s", e->d_name);
		ck_assert_msg(aef_config_load(&config, path, modules) == 0, "%s", config.error);
		conf = aef_config_section(&config, "dpio");
		ck_assert_uint_ge(conf->nb_ports, 1);
		ck_assert_uint_ge(conf->ports[0].udp_port, 1);
		aef_config_free(&config);
		nb++;
	}
	closedir(dir);
	ck_assert_uint_ge(nb, 5);
}
END_TEST

START_TEST(conf_wrong_values_are_refused_with_line_and_word)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *word;
	} cases[] = {
		{ PORT, 3, "needs ipv4 or ipv6" },
		{ PORT "      ipv4: 192.0.2.1\n", 5, "with its prefix" },
		{ PORT "      ipv4: 224.0.0.1/24\n", 5, "with its prefix" },
		{ PORT "      ipv6: fe80::1/64\n", 5, "2001:db8::1/64" },
		{ PORT "      ipv6: ::ffff:1.2.3.4/96\n", 5, "2001:db8::1/64" },
		{ PORT "      ipv4: 192.0.2.1/24\n      gateway4: 192.0.3.1\n", 6,
		  "network of ipv4" },
		{ PORT "      ipv4: 192.0.2.1/24\n      gateway6: fe80::1\n", 6,
		  "network of ipv6" },
		{ PORT "      ipv4: 192.0.2.1/24\n      mac: ff:ff:ff:ff:ff:ff\n", 6,
		  "unicast MAC" },
		{ PORT "      ipv4: 192.0.2.1/24\n      vlan: 4095\n", 6, "from 0 to 4094" },
		{ PORT "      ipv4: 192.0.2.1/24\n      udp_port: 0\n", 6, "from 1 to 65535" },
		{ PORT "      ipv4: 192.0.2.1/24\n      mtu: 9000\n", 6,
		  "raise dpio.mbuf_bytes to 9018" },
		{ PORT "      ipv4: 192.0.2.1/24\n      checksum: never\n", 6, "auto, software" },
		{ "dpio:\n  ports:\n    - name: a\n      device: eth0\n      ipv4: 192.0.2.1/24\n",
		  4, "PCI address or a net_ device" },
		{ PORT "      ipv4: 192.0.2.1/24\n    - name: a\n      device: net_null1\n"
		       "      ipv4: 192.0.2.2/24\n",
		  6, "taken by another port" },
		{ PORT "      ipv4: 192.0.2.1/24\n    - name: b\n      device: net_null0\n"
		       "      ipv4: 192.0.2.2/24\n",
		  7, "used by another port" },
		{ "dpio:\n  memory_mb: 64\n  mbufs: 1000000\n", 2, "too small" },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		struct aef_config config;

		ck_assert_int_eq(aef_config_parse(&config, "t", cases[i].text,
		                                  strlen(cases[i].text), modules),
		                 AEF_ERR_CONFIG);
		ck_assert_msg(config.error_line == cases[i].line &&
		                      strstr(config.error, cases[i].word) != NULL,
		              "case %zu: %s", i, config.error);
	}
}
END_TEST

START_TEST(conf_absent_keys_have_the_defaults_of_the_tables)
{
	static const char text[] = PORT "      ipv6: 2001:db8::1/64\n";
	struct aef_config config;
	struct dpio_port_conf defaults;
	struct dpio_conf all;
	const struct dpio_conf *conf;

	ck_assert_int_eq(aef_config_parse(&config, "t", text, strlen(text), modules), 0);
	conf = aef_config_section(&config, "dpio");
	dpio_port_conf_defaults(&defaults);
	dpio_conf_defaults(&all);

	ck_assert_uint_eq(conf->ports[0].mtu, 1500);
	ck_assert(conf->ports[0].promiscuous);
	ck_assert_uint_eq(conf->ports[0].udp_port, defaults.udp_port);
	ck_assert_uint_eq(conf->ports[0].rx_desc, defaults.rx_desc);
	ck_assert_uint_eq(conf->mbufs, all.mbufs);
	ck_assert_uint_eq(conf->memory_mb, all.memory_mb);
	aef_config_free(&config);
}
END_TEST

TEST_SUITE(conf, &conf_profiles_in_drivers_conf_are_accepted,
           &conf_wrong_values_are_refused_with_line_and_word,
           &conf_absent_keys_have_the_defaults_of_the_tables)
