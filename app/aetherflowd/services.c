/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>
#include <msg/doc.h>
#include <statesync/statesync.h>
#include <store/mem.h>

#include "aetherflowd.h"
#include "echo.h"

#define DOCS_MAX 4096u

static const struct service_ops *const services[] = { &echo_service, &sink_service,
	                                              &statesync_service };

/* What statesync needs on one worker. */
static struct {
	struct aef_alloc alloc; /* of the store */
	struct store_mem *store;
	struct statesync_conf conf;
} docs[PIPELINE_WORKERS_MAX];

static const struct service_ops *
find(const char *name)
{
	for (size_t i = 0; i < AEF_DIM(services); i++)
		if (strcmp(services[i]->name, name) == 0)
			return services[i];
	return NULL;
}

bool
service_exists(const char *name)
{
	return find(name) != NULL;
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

int
service_open(const char *name, uint8_t idx, struct worker_slab *slab,
             const struct service_ops **ret_ops, const void **ret_conf)
{
	int rc;

	*ret_ops = find(name);
	*ret_conf = NULL;
	if (*ret_ops != &statesync_service)
		return *ret_ops != NULL ? 0 : AEF_ERR_NOTFOUND;
	docs[idx].alloc = worker_slab_alloc(slab);
	rc = store_mem_create(&docs[idx].alloc, DOCS_MAX, &docs[idx].store);
	if (rc < 0)
		return rc;
	docs[idx].conf = (struct statesync_conf){ .codec = &msg_doc_codec,
		                                  .store = store_mem_if(docs[idx].store) };
	*ret_conf = &docs[idx].conf;
	return 0;
}

void
service_close(uint8_t idx)
{
	store_mem_destroy(docs[idx].store);
	docs[idx].store = NULL;
}
