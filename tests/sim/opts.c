/* SPDX-License-Identifier: BSD-3-Clause */
#include "opts.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t value;
	const char *help;
} keys[] = {
#define SIM_KEY_ROW(name, key, value, help) { key, value, help },
	SIM_KEYS(SIM_KEY_ROW)
#undef SIM_KEY_ROW
};

void
sim_opts_default(struct sim_opts *opts)
{
	*opts = (struct sim_opts){ 0 };
	for (unsigned i = 0; i < SIM_NB_KEYS; i++)
		opts->value[i] = keys[i].value;
}

bool
sim_opts_set(struct sim_opts *opts, const char *text)
{
	const char *eq = strchr(text, '=');
	char *end;

	if (eq == NULL || eq[1] == '\0')
		return false;
	for (unsigned i = 0; i < SIM_NB_KEYS; i++) {
		if (strlen(keys[i].name) != (size_t)(eq - text) ||
		    strncmp(keys[i].name, text, (size_t)(eq - text)) != 0)
			continue;
		opts->value[i] = (uint32_t)strtoul(eq + 1, &end, 10);
		return *end == '\0';
	}
	return false;
}

const char *
sim_key_name(enum sim_key key)
{
	return keys[key].name;
}

const char *
sim_key_help(enum sim_key key)
{
	return keys[key].help;
}

uint32_t
sim_key_default(enum sim_key key)
{
	return keys[key].value;
}
