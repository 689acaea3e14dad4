/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "aetherflowd.h"
#include "echo.h"

static const struct service_ops *const services[] = { &echo_service, &sink_service };

const struct service_ops *
service_find(const char *name)
{
	for (size_t i = 0; i < AEF_DIM(services); i++)
		if (strcmp(services[i]->name, name) == 0)
			return services[i];
	return NULL;
}

const char *
service_names(void)
{
	static char names[128];
	struct aef_text text = aef_text_make(names, sizeof(names));

	for (size_t i = 0; i < AEF_DIM(services); i++)
		aef_text_printf(&text, "%s%s", i > 0 ? ", " : "", services[i]->name);
	return names;
}
