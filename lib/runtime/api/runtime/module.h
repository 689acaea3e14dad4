/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/module.h - how a module joins the program: one structure, in one list, in start order.
 *
 * Source:  STYLE B6.
 * Context: main thread (main lcore), before the other lcores are launched and after they are
 * joined.
 */
#ifndef RUNTIME_MODULE_H
#define RUNTIME_MODULE_H

#include <runtime/command.h>
#include <runtime/config.h>
#include <runtime/metrics.h>

#define AEF_MODULES_MAX       32
#define AEF_RUNTIME_ERROR_MAX 384

struct aef_runtime;

struct aef_module {
	const char *name;         /* also its YAML section, metric prefix and log type */
	const char *const *needs; /* NULL-ended; each must stand earlier in the list; or NULL */
	const cyaml_schema_value_t *conf;   /* mapping by pointer; NULL: takes no configuration */
	const struct aef_metric *metrics;   /* what it may register; ends with { 0 }; or NULL */
	const struct aef_command *commands; /* added before init with ctx = the runtime; or NULL */

	/* Fill defaults (aef_config_numbers) and check what a schema cannot say; or NULL. */
	int (*validate)(struct aef_config *config, void *conf);

	/* conf: its section, never NULL when `conf` is set. Failing: aef_runtime_fail(...). */
	int (*init)(struct aef_runtime *rt, const void *conf);

	/* Accepts a failed init; called in reverse order for every module whose init was called. */
	void (*fini)(struct aef_runtime *rt);
};

struct aef_runtime {
	const struct aef_module *const *modules; /* ends with NULL; borrowed */
	struct aef_config *config;               /* borrowed */
	struct aef_metrics metrics;
	struct aef_commands commands;
	uint32_t nb_started; /* modules whose init was called */
	void *app;           /* whatever the program likes; not touched here */
	char error[AEF_RUNTIME_ERROR_MAX];
};

/**
 * Check a list: names, uniqueness, `needs` earlier in the list.
 *
 * @param ret_error one sentence that names the module, on failure
 * @return 0 or AEF_ERR_INVALID
 */
AEF_MUST_CHECK int aef_modules_verify(const struct aef_module *const *modules,
                                      struct aef_text *ret_error);

/**
 * Verify the list, make the registries, then init each module in order.
 *
 * @param rt     storage of the caller, overwritten (also `app`, which is taken from the argument)
 * @param config loaded with the same list; must live until aef_runtime_stop
 * @return 0, or the error of the module that failed: `error` then is one sentence that names it,
 * and everything has been taken back (fini in reverse)
 */
AEF_MUST_CHECK int aef_runtime_start(struct aef_runtime *rt,
                                     const struct aef_module *const *modules,
                                     struct aef_config *config, void *app);

/** fini in reverse order, then free the registries; accepts a failed start or a zeroed runtime. */
void aef_runtime_stop(struct aef_runtime *rt);

/** Used by an init that fails: keep the sentence, return @p err. */
int aef_runtime_fail(struct aef_runtime *rt, int err, const char *fmt, ...) AEF_PRINTF(3, 4);

#endif
