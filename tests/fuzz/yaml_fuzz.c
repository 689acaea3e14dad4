/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml_fuzz.c - any bytes as a configuration file: accepted whole, or refused with a sentence; no
 * leak.
 */
#include <stdlib.h>

#include <base/err.h>
#include <dpio/conf.h>
#include <runtime/module.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct aef_module dpio_conf_only = {
	.name = "dpio",
	.conf = &dpio_conf_schema,
	.validate = dpio_conf_validate,
};
static const struct aef_module *const modules[] = { &dpio_conf_only, NULL };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct aef_config config;
	const int rc = aef_config_parse(&config, "fuzz.yaml", data, len, modules);

	if (rc == 0) {
		const struct dpio_conf *conf = aef_config_section(&config, "dpio");

		if (conf == NULL || conf->mbufs < 512 || conf->nb_ports > DPIO_PORTS_MAX)
			abort(); /* an accepted file has every value in its range */
		aef_config_free(&config);
	} else if (config.error[0] == '\0') {
		abort(); /* a refusal says why */
	}
	return 0;
}
