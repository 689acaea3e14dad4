/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/config.h - one YAML file, one top-level section per module, read by libcyaml.
 *
 * Unknown sections and keys, duplicate keys, anchors, values of a wrong type or out of range are
 * errors of one sentence with file and line. A section that is absent is all defaults; a number
 * that is absent takes the default of its module's table, so a table is also the documentation.
 *
 * Source:  reference/security.md section 6: parse, validate, then use; a bad file changes nothing.
 * Units:   as each table says.
 * Context: main thread, at start and at reload. Allocates; nothing is kept after an error.
 */
#ifndef RUNTIME_CONFIG_H
#define RUNTIME_CONFIG_H

#include <cyaml/cyaml.h>
#include <stdarg.h>

#include <base/defs.h>
#include <runtime/text.h>

#define AEF_CONFIG_FILE_MAX_BYTES (1u << 20)
#define AEF_CONFIG_NODES_MAX      2048 /* keys and list entries of a file */
#define AEF_CONFIG_DEPTH_MAX      8
#define AEF_CONFIG_ERROR_MAX      320
#define AEF_CONFIG_PATH_MAX       128 /* "dpio.ports[3].rx_desc" */

struct aef_module;
struct aef_config_index;

/* One number (or bool) of a mapping; a table ends with { 0 }. */
struct aef_config_number {
	const char *key;
	uint32_t offset;
	uint32_t size; /* 1, 2, 4 or 8 bytes, unsigned */
	uint64_t def;
	uint64_t min;
	uint64_t max;
	const char *help; /* unit first: "MiB of packet memory" */
};

#define AEF_CONFIG_NUMBER(type, member, def_, min_, max_, help_)                                   \
	{                                                                                          \
		.key = #member, .offset = offsetof(type, member),                                  \
		.size = sizeof(((type *)NULL)->member), .def = (def_), .min = (min_),              \
		.max = (max_), .help = (help_)                                                     \
	}

struct aef_config {
	const struct aef_module *const *modules; /* borrowed, ends with NULL */
	void **sections;                         /* one per module, NULL: takes none; owned */
	struct aef_config_index *index;          /* owned */
	char file[256];                          /* name for messages */
	char error[AEF_CONFIG_ERROR_MAX];        /* "file:line: sentence" after a failure */
	uint32_t error_line;                     /* 0: the file as a whole */
};

/**
 * Read, parse, fill defaults and validate; opens nothing but the file.
 *
 * @param config  storage of the caller, overwritten; after success to be given to aef_config_free
 * @param modules ends with NULL; borrowed until aef_config_free
 * @return 0; AEF_ERR_IO (no such file), AEF_ERR_CONFIG (then `error` and `error_line` say what to
 *         do), AEF_ERR_NOMEM; after a failure nothing has to be freed
 */
AEF_MUST_CHECK int aef_config_load(struct aef_config *config, const char *path,
                                   const struct aef_module *const *modules);

/** Same from memory; @p file is the name used in messages. An empty text is all defaults. */
AEF_MUST_CHECK int aef_config_parse(struct aef_config *config, const char *file, const void *text,
                                    size_t len, const struct aef_module *const *modules);

/** Free everything; accepts a zeroed or failed one. */
void aef_config_free(struct aef_config *config);

/** The section of a module, all defaults filled in; NULL when it takes none. Owned by @p config. */
const void *aef_config_section(const struct aef_config *config, const char *module);

/* --- for the validate hook of a module ---------------------------------------------------- */

/** Line of a key, "dpio.ports[1].ipv4", or of the nearest enclosing one; 0 when nowhere. */
uint32_t aef_config_line(const struct aef_config *config, const char *path);

/** True when the file itself gives that key. */
bool aef_config_has(const struct aef_config *config, const char *path);

/**
 * Refuse a value.
 *
 * @param path where the value stands: "dpio.ports[1].ipv4"
 * @param fmt  a sentence without the file and line, which says what would be right
 * @return AEF_ERR_CONFIG, always
 */
int aef_config_fail(struct aef_config *config, const char *path, const char *fmt, ...)
	AEF_PRINTF(3, 4);

/**
 * Give each number of a table its default where the file is silent, and refuse one out of range.
 *
 * @param at   path of the mapping, "dpio" or "dpio.ports[1]"
 * @param base the structure that the table's offsets are relative to
 * @return 0 or AEF_ERR_CONFIG
 */
AEF_MUST_CHECK int aef_config_numbers(struct aef_config *config, const char *at, void *base,
                                      const struct aef_config_number *table);

/** Write what the tables of @p numbers say: key, default, range, help; for `config show` and docs.
 */
void aef_config_numbers_describe(const struct aef_config_number *table, struct aef_text *out);

#endif
