/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <runtime/module.h>

#include "config_priv.h"

/* The first error line of libcyaml and the innermost line of its backtrace. */
struct cyaml_words {
	char what[120];
	uint32_t line;
};

static void
keep_words(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct cyaml_words *words = ctx;
	char text[160];
	const char *at;

	if (level < CYAML_LOG_ERROR)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut is fine */
	text[strcspn(text, "\n")] = '\0';
	if (words->what[0] == '\0')
		(void)snprintf(words->what, sizeof(words->what), "%.110s", text);
	at = strstr(text, "(line: ");
	if (at != NULL && words->line == 0)
		words->line = (uint32_t)strtoul(at + 7, NULL, 10);
}

static cyaml_config_t
cyaml_settings(struct cyaml_words *words)
{
	return (cyaml_config_t){
		.log_fn = keep_words,
		.log_ctx = words,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int
config_fail_line(struct aef_config *config, uint32_t line, const char *fmt, ...)
{
	struct aef_text text = aef_text_make(config->error, sizeof(config->error));
	va_list ap;

	config->error_line = line;
	if (line > 0)
		aef_text_printf(&text, "%s:%u: ", config->file, line);
	else
		aef_text_printf(&text, "%s: ", config->file);
	va_start(ap, fmt);
	aef_text_vprintf(&text, fmt, ap);
	va_end(ap);
	return AEF_ERR_CONFIG;
}

static uint32_t
modules_count(const struct aef_module *const *modules)
{
	uint32_t nb = 0;

	while (modules[nb] != NULL)
		nb++;
	aef_assert(nb <= AEF_MODULES_MAX);
	return nb;
}

/* Top-level mapping: one optional pointer per module that takes a configuration. */
struct top {
	cyaml_schema_field_t fields[AEF_MODULES_MAX + 1];
	cyaml_schema_value_t value;
	uint32_t nb_modules;
};

static void
top_make(struct top *top, const struct aef_module *const *modules)
{
	uint32_t nb_fields = 0;

	*top = (struct top){ .nb_modules = modules_count(modules) };
	for (uint32_t i = 0; i < top->nb_modules; i++) {
		cyaml_schema_field_t *field = &top->fields[nb_fields];

		if (modules[i]->conf == NULL)
			continue;
		field->key = modules[i]->name;
		field->data_offset = i * (uint32_t)sizeof(void *);
		field->value = *modules[i]->conf;
		field->value.flags |= CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
		nb_fields++;
	}
	top->value.type = CYAML_MAPPING;
	top->value.flags = CYAML_FLAG_POINTER;
	top->value.data_size = (top->nb_modules + 1) * (uint32_t)sizeof(void *);
	top->value.mapping.fields = top->fields;
}

/* A section that the file leaves out is made here, all zero, so that defaults have a place. */
static int
sections_complete(struct aef_config *config, const struct top *top)
{
	for (uint32_t i = 0; i < top->nb_modules; i++) {
		const cyaml_schema_value_t *schema = config->modules[i]->conf;

		if (schema == NULL || config->sections[i] != NULL)
			continue;
		config->sections[i] = calloc(1, schema->data_size);
		if (config->sections[i] == NULL)
			return AEF_ERR_NOMEM;
	}
	return 0;
}

static int
sections_load(struct aef_config *config, const struct top *top, const void *text, size_t len)
{
	struct cyaml_words words = { 0 };
	const cyaml_config_t settings = cyaml_settings(&words);
	cyaml_data_t *data = NULL;
	cyaml_err_t err = CYAML_OK;

	if (config->index->nb_nodes > 0)
		err = cyaml_load_data(text, len, &settings, &top->value, &data, NULL);
	if (err == CYAML_ERR_OOM)
		return AEF_ERR_NOMEM;
	if (err != CYAML_OK)
		return config_fail_line(config, words.line, "%s (%s)", cyaml_strerror(err),
		                        words.what);
	if (data == NULL) /* nothing but comments */
		data = calloc(1, top->value.data_size);
	config->sections = data;
	return data != NULL ? sections_complete(config, top) : AEF_ERR_NOMEM;
}

static int
sections_validate(struct aef_config *config, const struct top *top)
{
	for (uint32_t i = 0; i < top->nb_modules; i++) {
		const struct aef_module *mod = config->modules[i];

		if (mod->conf == NULL || mod->validate == NULL)
			continue;
		const int rc = mod->validate(config, config->sections[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
aef_config_parse(struct aef_config *config, const char *file, const void *text, size_t len,
                 const struct aef_module *const *modules)
{
	struct top top;
	int rc;

	*config = (struct aef_config){ .modules = modules };
	(void)snprintf(config->file, sizeof(config->file), "%s", file); /* cut is fine */
	if (len > AEF_CONFIG_FILE_MAX_BYTES)
		return config_fail_line(config, 0, "the file is larger than %u bytes",
		                        AEF_CONFIG_FILE_MAX_BYTES);
	top_make(&top, modules);
	rc = config_index_build(config, text, len);
	if (rc == 0)
		rc = config_schema_check(config, &top.value);
	if (rc == 0)
		rc = sections_load(config, &top, text, len);
	if (rc == 0)
		rc = sections_validate(config, &top);
	if (rc == AEF_ERR_NOMEM)
		(void)config_fail_line(config, 0, "there is not enough memory to read it");
	if (rc < 0)
		aef_config_free(config);
	return rc;
}

static int
file_read(struct aef_config *config, const char *path, char **ret_text, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	char *text;

	if (file == NULL) {
		(void)config_fail_line(config, 0, "the file cannot be opened (%s)",
		                       strerror(errno));
		return AEF_ERR_IO;
	}
	text = malloc(AEF_CONFIG_FILE_MAX_BYTES + 1);
	*ret_len = text != NULL ? fread(text, 1, AEF_CONFIG_FILE_MAX_BYTES + 1, file) : 0;
	if (text == NULL || ferror(file)) {
		(void)config_fail_line(config, 0, "the file cannot be read (%s); name a YAML file",
		                       strerror(errno));
		free(text);
		fclose(file);
		return AEF_ERR_IO;
	}
	fclose(file);
	*ret_text = text;
	return 0;
}

int
aef_config_load(struct aef_config *config, const char *path,
                const struct aef_module *const *modules)
{
	char *text;
	size_t len;
	int rc;

	*config = (struct aef_config){ .modules = modules };
	(void)snprintf(config->file, sizeof(config->file), "%s", path); /* cut is fine */
	rc = file_read(config, path, &text, &len);
	if (rc < 0)
		return rc;
	rc = aef_config_parse(config, path, text, len, modules);
	free(text);
	return rc;
}

void
aef_config_free(struct aef_config *config)
{
	struct cyaml_words words = { 0 };
	const cyaml_config_t settings = cyaml_settings(&words);
	struct top top;

	if (config->sections != NULL) {
		top_make(&top, config->modules);
		(void)cyaml_free(&settings, &top.value, config->sections, 0); /* cannot fail */
	}
	config_index_free(config->index);
	config->sections = NULL;
	config->index = NULL;
}

const void *
aef_config_section(const struct aef_config *config, const char *module)
{
	for (uint32_t i = 0; config->modules[i] != NULL; i++)
		if (strcmp(config->modules[i]->name, module) == 0)
			return config->sections != NULL ? config->sections[i] : NULL;
	return NULL;
}

uint32_t
aef_config_line(const struct aef_config *config, const char *path)
{
	bool whole;
	const uint32_t node = config_node_find(config->index, path, &whole);

	return node > 0 ? config->index->nodes[node].line : 0;
}

bool
aef_config_has(const struct aef_config *config, const char *path)
{
	bool whole;

	(void)config_node_find(config->index, path, &whole);
	return whole;
}

int
aef_config_fail(struct aef_config *config, const char *path, const char *fmt, ...)
{
	char text[AEF_CONFIG_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut is fine */
	va_end(ap);
	return config_fail_line(config, aef_config_line(config, path), "%s %s", path, text);
}

static uint64_t
number_load(const void *at, uint32_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size); /* little-endian: the low bytes come first */
	return value;
}

int
aef_config_numbers(struct aef_config *config, const char *at, void *base,
                   const struct aef_config_number *table)
{
	for (; table->key != NULL; table++) {
		uint8_t *place = (uint8_t *)base + table->offset;
		char path[AEF_CONFIG_PATH_MAX];
		uint64_t value;

		(void)snprintf(path, sizeof(path), "%s.%s", at, table->key); /* ours, fits */
		if (!aef_config_has(config, path)) {
			memcpy(place, &table->def, table->size);
			continue;
		}
		value = number_load(place, table->size);
		if (value < table->min || value > table->max)
			return aef_config_fail(
				config, path, "must be from %llu to %llu, it is %llu",
				(unsigned long long)table->min, (unsigned long long)table->max,
				(unsigned long long)value);
	}
	return 0;
}

void
aef_config_numbers_describe(const struct aef_config_number *table, struct aef_text *out)
{
	for (; table->key != NULL; table++)
		aef_text_printf(out, "%-16s default %llu, %llu to %llu: %s\n", table->key,
		                (unsigned long long)table->def, (unsigned long long)table->min,
		                (unsigned long long)table->max, table->help);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are stored low byte first");
