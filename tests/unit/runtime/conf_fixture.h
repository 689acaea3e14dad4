/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_fixture.h - a module with one of everything, for the configuration and module tests.
 */
#ifndef TESTS_UNIT_RUNTIME_CONF_FIXTURE_H
#define TESTS_UNIT_RUNTIME_CONF_FIXTURE_H

#include <runtime/module.h>

struct fix_port {
	char *name;
	uint32_t speed;
};

struct fix_conf {
	uint16_t queues;
	uint64_t rate;
	bool enabled;
	int mode;
	uint16_t *cpus;
	uint32_t nb_cpus;
	struct fix_port *ports;
	uint32_t nb_ports;
};

extern const struct aef_module fix_module;           /* named "net", takes a section */
extern const struct aef_module fix_bare;             /* named "bare", takes none */
extern const struct aef_module *const fix_modules[]; /* both */

#endif
