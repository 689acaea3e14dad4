/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_fixture.h"

#include <stdio.h>
#include <string.h>

static const cyaml_strval_t modes[] = { { "auto", 0 }, { "never", 1 }, { "always", 2 } };

static const cyaml_schema_field_t port_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct fix_port, name, 1, 31),
	CYAML_FIELD_UINT("speed", CYAML_FLAG_OPTIONAL, struct fix_port, speed),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t port_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct fix_port, port_fields),
};
static const cyaml_schema_value_t cpu_value = {
	CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t),
};
static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_UINT("queues", CYAML_FLAG_OPTIONAL, struct fix_conf, queues),
	CYAML_FIELD_UINT("rate", CYAML_FLAG_OPTIONAL, struct fix_conf, rate),
	CYAML_FIELD_BOOL("enabled", CYAML_FLAG_OPTIONAL, struct fix_conf, enabled),
	CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct fix_conf, mode,
	                 modes, CYAML_ARRAY_LEN(modes)),
	CYAML_FIELD_SEQUENCE_COUNT("cpus", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
	                           struct fix_conf, cpus, nb_cpus, &cpu_value, 0, 8),
	CYAML_FIELD_SEQUENCE_COUNT("ports", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
	                           struct fix_conf, ports, nb_ports, &port_value, 0, 4),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct fix_conf, fields),
};

static const struct aef_config_number numbers[] = {
	AEF_CONFIG_NUMBER(struct fix_conf, queues, 1, 1, 16, "queue pairs"),
	AEF_CONFIG_NUMBER(struct fix_conf, rate, 100, 0, UINT64_MAX, "packets a second"),
	AEF_CONFIG_NUMBER(struct fix_conf, enabled, 1, 0, 1, "whether it is on"),
	{ 0 },
};
static const struct aef_config_number port_numbers[] = {
	AEF_CONFIG_NUMBER(struct fix_port, speed, 10, 1, 400, "Gbit/s"),
	{ 0 },
};

static int
validate(struct aef_config *config, void *section)
{
	struct fix_conf *conf = section;
	char at[64];
	int rc = aef_config_numbers(config, "net", conf, numbers);

	for (uint32_t i = 0; rc == 0 && i < conf->nb_ports; i++) {
		snprintf(at, sizeof(at), "net.ports[%u]", i);
		rc = aef_config_numbers(config, at, &conf->ports[i], port_numbers);
		for (uint32_t j = 0; rc == 0 && j < i; j++)
			if (strcmp(conf->ports[i].name, conf->ports[j].name) == 0)
				rc = aef_config_fail(config, at, "has the same name as port %u", j);
	}
	return rc;
}

const struct aef_module fix_module = { .name = "net", .conf = &schema, .validate = validate };
const struct aef_module fix_bare = { .name = "bare" };
const struct aef_module *const fix_modules[] = { &fix_bare, &fix_module, NULL };
