/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <base/err.h>
#include <runtime/module.h>

#define METRICS_MAX  8192
#define COMMANDS_MAX 256

static int
find_before(const struct aef_module *const *modules, uint32_t end, const char *name)
{
	for (uint32_t i = 0; i < end; i++)
		if (strcmp(modules[i]->name, name) == 0)
			return (int)i;
	return AEF_ERR_NOTFOUND;
}

static int
verify_one(const struct aef_module *const *modules, uint32_t idx, struct aef_text *ret_error)
{
	const struct aef_module *mod = modules[idx];

	if (mod->name == NULL || mod->name[0] == '\0') {
		aef_text_printf(ret_error, "Module number %u has no name.", idx + 1);
		return AEF_ERR_INVALID;
	}
	if (find_before(modules, idx, mod->name) >= 0) {
		aef_text_printf(ret_error, "Module %s is listed twice.", mod->name);
		return AEF_ERR_INVALID;
	}
	if (mod->conf != NULL && mod->conf->type != CYAML_MAPPING) {
		aef_text_printf(ret_error, "The configuration schema of module %s is no mapping.",
		                mod->name);
		return AEF_ERR_INVALID;
	}
	for (const char *const *need = mod->needs; need != NULL && *need != NULL; need++) {
		if (find_before(modules, idx, *need) < 0) {
			aef_text_printf(ret_error,
			                "Module %s needs %s, which must stand earlier in the list.",
			                mod->name, *need);
			return AEF_ERR_INVALID;
		}
	}
	return 0;
}

int
aef_modules_verify(const struct aef_module *const *modules, struct aef_text *ret_error)
{
	for (uint32_t i = 0; modules[i] != NULL; i++) {
		if (i == AEF_MODULES_MAX) {
			aef_text_printf(ret_error, "More than %d modules are listed.",
			                AEF_MODULES_MAX);
			return AEF_ERR_INVALID;
		}
		const int rc = verify_one(modules, i, ret_error);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
aef_runtime_fail(struct aef_runtime *rt, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rt->error, sizeof(rt->error), fmt, ap); /* cut is fine */
	va_end(ap);
	return err;
}

/* The module's own sentence, or a general one, with its name in front. */
static void
name_failure(struct aef_runtime *rt, const struct aef_module *mod, int err)
{
	char own[AEF_RUNTIME_ERROR_MAX];
	struct aef_text text = aef_text_make(own, sizeof(own));

	if (rt->error[0] == '\0')
		aef_text_printf(&text, "%s: it cannot start because %s.", mod->name,
		                aef_err_text(err));
	else
		aef_text_printf(&text, "%s: %s", mod->name, rt->error);
	memcpy(rt->error, own, sizeof(own));
}

static int
start_one(struct aef_runtime *rt, const struct aef_module *mod)
{
	int rc = 0;

	if (mod->commands != NULL)
		rc = aef_commands_add(&rt->commands, mod->commands, rt);
	if (rc < 0)
		return aef_runtime_fail(rt, rc, "its commands cannot be added because %s.",
		                        aef_err_text(rc));
	rt->nb_started++;
	if (mod->init == NULL)
		return 0;
	return mod->init(rt, mod->conf != NULL ? aef_config_section(rt->config, mod->name) : NULL);
}

int
aef_runtime_start(struct aef_runtime *rt, const struct aef_module *const *modules,
                  struct aef_config *config, void *app)
{
	struct aef_text text;
	int rc;

	*rt = (struct aef_runtime){ .modules = modules, .config = config, .app = app };
	text = aef_text_make(rt->error, sizeof(rt->error));
	rc = aef_modules_verify(modules, &text);
	if (rc < 0)
		return rc;
	if (aef_metrics_init(&rt->metrics, METRICS_MAX) < 0 ||
	    aef_commands_init(&rt->commands, COMMANDS_MAX) < 0) {
		aef_runtime_stop(rt);
		return aef_runtime_fail(rt, AEF_ERR_NOMEM,
		                        "There is no memory for the registries.");
	}
	for (uint32_t i = 0; modules[i] != NULL; i++) {
		rc = start_one(rt, modules[i]);
		if (rc < 0) {
			name_failure(rt, modules[i], rc);
			aef_runtime_stop(rt);
			return rc;
		}
	}
	return 0;
}

void
aef_runtime_stop(struct aef_runtime *rt)
{
	while (rt->nb_started > 0) {
		const struct aef_module *mod = rt->modules[--rt->nb_started];

		if (mod->fini != NULL)
			mod->fini(rt);
	}
	aef_metrics_fini(&rt->metrics);
	aef_commands_fini(&rt->commands);
}
