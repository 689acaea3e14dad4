/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#include "config_priv.h"

bool
config_number_parse(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false; /* also no octal by accident */
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

static const cyaml_schema_field_t *
field_find(const cyaml_schema_value_t *mapping, const char *key)
{
	for (const cyaml_schema_field_t *f = mapping->mapping.fields; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

static void
list_keys(const cyaml_schema_value_t *mapping, struct aef_text *out)
{
	for (const cyaml_schema_field_t *f = mapping->mapping.fields; f->key != NULL; f++)
		aef_text_printf(out, "%s%s", out->len > 0 ? ", " : "", f->key);
}

/* A message about a node: "file:line: path: sentence". */
static int
fail_node(struct aef_config *config, uint32_t idx, const char *what, const char *more)
{
	char buf[AEF_CONFIG_PATH_MAX];
	struct aef_text path = aef_text_make(buf, sizeof(buf));

	config_node_path(config->index, idx, &path);
	return config_fail_line(config, config->index->nodes[idx].line, "%s%s%s%.150s",
	                        path.len > 0 ? path.buf : "the file", what, more[0] ? " " : "",
	                        more);
}

/* Find the schema of a node from its parent's; the parent was judged before. */
static int
node_bind(struct aef_config *config, uint32_t idx)
{
	struct node *node = &config->index->nodes[idx];
	const cyaml_schema_value_t *parent = config->index->nodes[node->parent].schema;
	const cyaml_schema_field_t *field;
	char buf[200];
	struct aef_text keys = aef_text_make(buf, sizeof(buf));

	if (parent->type == CYAML_SEQUENCE) {
		node->schema = parent->sequence.entry;
		return 0;
	}
	field = field_find(parent, node->key);
	if (field != NULL) {
		node->schema = &field->value;
		return 0;
	}
	list_keys(parent, &keys);
	return fail_node(config, idx, " is unknown; known here:", keys.buf);
}

static int
judge_number(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];
	const uint32_t bits = node->schema->data_size * 8;
	uint64_t value;

	if (node->quoted || !config_number_parse(node->text, &value))
		return fail_node(config, idx, " must be a whole number, it is", node->text);
	if (bits < 64 && value >> bits != 0)
		return fail_node(config, idx, " is too large, it is", node->text);
	return 0;
}

static int
judge_bool(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];

	if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
		return 0;
	return fail_node(config, idx, " must be true or false, it is", node->text);
}

static int
judge_enum(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];
	char buf[160];
	struct aef_text words = aef_text_make(buf, sizeof(buf));

	for (uint32_t i = 0; i < node->schema->enumeration.count; i++) {
		const char *word = node->schema->enumeration.strings[i].str;

		if (strcmp(word, node->text) == 0)
			return 0;
		aef_text_printf(&words, "%s%s", i > 0 ? ", " : "", word);
	}
	aef_text_printf(&words, "; it is %.40s", node->text);
	return fail_node(config, idx, " must be one of", words.buf);
}

static int
judge_string(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];
	const size_t len = strlen(node->text);

	if (len < node->schema->string.min)
		return fail_node(config, idx, " must not be empty", "");
	if (len > node->schema->string.max)
		return fail_node(config, idx, " is too long, it starts with", node->text);
	return 0;
}

static int
judge_mapping(struct aef_config *config, uint32_t idx)
{
	const cyaml_schema_value_t *schema = config->index->nodes[idx].schema;

	for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
		char buf[AEF_CONFIG_PATH_MAX];
		struct aef_text path = aef_text_make(buf, sizeof(buf));
		bool whole;

		if ((f->value.flags & CYAML_FLAG_OPTIONAL) != 0)
			continue;
		config_node_path(config->index, idx, &path);
		aef_text_printf(&path, "%s%s", path.len > 0 ? "." : "", f->key);
		(void)config_node_find(config->index, path.buf, &whole);
		if (!whole)
			return fail_node(config, idx, " needs the key", f->key);
	}
	return 0;
}

static int
judge_sequence(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];

	if (node->nb_children < node->schema->sequence.min)
		return fail_node(config, idx, " has too few entries", "");
	if (node->nb_children > node->schema->sequence.max)
		return fail_node(config, idx, " has too many entries", "");
	return 0;
}

static int
judge(struct aef_config *config, uint32_t idx)
{
	const struct node *node = &config->index->nodes[idx];
	const enum cyaml_type type = node->schema->type;

	if (type == CYAML_MAPPING)
		return node->kind == NODE_MAPPING
		               ? judge_mapping(config, idx)
		               : fail_node(config, idx,
		                           " must hold keys (leave it out for the defaults)", "");
	if (type == CYAML_SEQUENCE)
		return node->kind == NODE_SEQUENCE ? judge_sequence(config, idx)
		                                   : fail_node(config, idx, " must be a list", "");
	if (node->kind != NODE_SCALAR)
		return fail_node(config, idx, " must be a single value", "");
	switch (type) {
	case CYAML_UINT:
		return judge_number(config, idx);
	case CYAML_BOOL:
		return judge_bool(config, idx);
	case CYAML_ENUM:
		return judge_enum(config, idx);
	case CYAML_STRING:
		return judge_string(config, idx);
	default:
		return fail_node(config, idx, " has a type this program does not read", "");
	}
}

int
config_schema_check(struct aef_config *config, const cyaml_schema_value_t *top)
{
	struct aef_config_index *index = config->index;

	for (uint32_t i = 0; i < index->nb_nodes; i++) {
		int rc = 0;

		if (i == 0)
			index->nodes[0].schema = top;
		else
			rc = node_bind(config, i);
		if (rc == 0)
			rc = judge(config, i);
		if (rc < 0)
			return rc;
	}
	return 0;
}
