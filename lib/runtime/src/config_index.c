/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <base/err.h>

#include "config_priv.h"

/* A walk over the events of one document: the open mappings and lists, and a key that waits. */
struct walk {
	struct aef_config *config;
	struct aef_config_index *index;
	uint32_t open[AEF_CONFIG_DEPTH_MAX];
	uint32_t depth;
	char *key; /* seen, its value comes next; owned */
	uint32_t key_line;
	uint32_t nb_documents;
};

void
config_index_free(struct aef_config_index *index)
{
	if (index == NULL)
		return;
	for (uint32_t i = 0; i < index->nb_nodes; i++) {
		free(index->nodes[i].text);
		free(index->nodes[i].key);
	}
	free(index->nodes);
	free(index);
}

static bool
key_is_taken(const struct walk *walk, uint32_t parent, const char *key, uint32_t *ret_line)
{
	const struct aef_config_index *index = walk->index;

	for (uint32_t i = parent + 1; i < index->nb_nodes; i++) {
		const struct node *node = &index->nodes[i];

		if (node->parent == parent && node->key != NULL && strcmp(node->key, key) == 0) {
			*ret_line = node->line;
			return true;
		}
	}
	return false;
}

static int
key_begin(struct walk *walk, const char *text, uint32_t line)
{
	uint32_t first_line;

	if (key_is_taken(walk, walk->open[walk->depth - 1], text, &first_line))
		return config_fail_line(walk->config, line,
		                        "the key '%.64s' was given before, in line %u", text,
		                        first_line);
	walk->key = strdup(text);
	walk->key_line = line;
	return walk->key != NULL ? 0 : AEF_ERR_NOMEM;
}

/* Append a node under the innermost open one; a waiting key becomes its name. */
static int
node_add(struct walk *walk, enum node_kind kind, uint32_t line, uint32_t *ret_idx)
{
	struct aef_config_index *index = walk->index;
	struct node *node;

	if (index->nb_nodes == AEF_CONFIG_NODES_MAX)
		return config_fail_line(walk->config, line, "more than %d keys and entries",
		                        AEF_CONFIG_NODES_MAX);
	*ret_idx = index->nb_nodes++;
	node = &index->nodes[*ret_idx];
	*node = (struct node){ .kind = kind, .line = line };
	if (walk->depth > 0) {
		node->parent = walk->open[walk->depth - 1];
		node->ordinal = index->nodes[node->parent].nb_children++;
	}
	if (walk->key != NULL) {
		node->key = walk->key;
		node->line = walk->key_line;
		walk->key = NULL;
	}
	return 0;
}

static bool
wants_key(const struct walk *walk)
{
	return walk->depth > 0 && walk->key == NULL &&
	       walk->index->nodes[walk->open[walk->depth - 1]].kind == NODE_MAPPING;
}

static int
on_scalar(struct walk *walk, const yaml_event_t *event, uint32_t line)
{
	const char *text = (const char *)event->data.scalar.value;
	uint32_t idx = 0;
	int rc;

	if (event->data.scalar.length != strlen(text))
		return config_fail_line(walk->config, line, "a value holds a zero byte");
	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return config_fail_line(walk->config, line, "anchors and tags are not used here");
	if (wants_key(walk))
		return key_begin(walk, text, line);
	rc = node_add(walk, NODE_SCALAR, line, &idx);
	if (rc < 0)
		return rc;
	walk->index->nodes[idx].quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	walk->index->nodes[idx].text = strdup(text);
	return walk->index->nodes[idx].text != NULL ? 0 : AEF_ERR_NOMEM;
}

static int
on_open(struct walk *walk, enum node_kind kind, bool decorated, uint32_t line)
{
	uint32_t idx = 0;
	int rc;

	if (decorated)
		return config_fail_line(walk->config, line, "anchors and tags are not used here");
	if (wants_key(walk))
		return config_fail_line(walk->config, line, "a key must be a plain word");
	if (walk->depth == AEF_CONFIG_DEPTH_MAX)
		return config_fail_line(walk->config, line, "nested deeper than %d levels",
		                        AEF_CONFIG_DEPTH_MAX);
	rc = node_add(walk, kind, line, &idx);
	if (rc < 0)
		return rc;
	walk->open[walk->depth++] = idx;
	return 0;
}

static int
on_event(struct walk *walk, const yaml_event_t *event)
{
	const uint32_t line = (uint32_t)event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++walk->nb_documents > 1)
			return config_fail_line(walk->config, line,
			                        "a second document starts here; only one is read");
		return 0;
	case YAML_ALIAS_EVENT:
		return config_fail_line(walk->config, line, "anchors and tags are not used here");
	case YAML_SCALAR_EVENT:
		return on_scalar(walk, event, line);
	case YAML_MAPPING_START_EVENT:
		return on_open(walk, NODE_MAPPING,
		               event->data.mapping_start.anchor != NULL ||
		                       event->data.mapping_start.tag != NULL,
		               line);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(walk, NODE_SEQUENCE,
		               event->data.sequence_start.anchor != NULL ||
		                       event->data.sequence_start.tag != NULL,
		               line);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		walk->depth--;
		return 0;
	default:
		return 0;
	}
}

/* Line of a syntax error; for bytes that are no text libyaml knows the offset only. */
static uint32_t
parser_line(const yaml_parser_t *parser, const uint8_t *text, size_t len)
{
	uint32_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return (uint32_t)parser->problem_mark.line + 1;
	for (size_t i = 0; i < len && i < parser->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

static int
walk_all(struct walk *walk, yaml_parser_t *parser, const void *text, size_t len)
{
	yaml_event_t event;
	bool done = false;
	int rc = 0;

	while (!done && rc == 0) {
		if (!yaml_parser_parse(parser, &event)) {
			if (parser->error == YAML_MEMORY_ERROR)
				return AEF_ERR_NOMEM;
			return config_fail_line(walk->config, parser_line(parser, text, len),
			                        "this is not YAML: %.80s (indent with spaces, "
			                        "write `key: value`)",
			                        parser->problem != NULL ? parser->problem : "?");
		}
		done = event.type == YAML_STREAM_END_EVENT;
		rc = on_event(walk, &event);
		yaml_event_delete(&event);
	}
	return rc;
}

int
config_index_build(struct aef_config *config, const void *text, size_t len)
{
	struct walk walk = { .config = config };
	yaml_parser_t parser;
	int rc;

	config->index = calloc(1, sizeof(*config->index));
	if (config->index == NULL)
		return AEF_ERR_NOMEM;
	config->index->nodes = calloc(AEF_CONFIG_NODES_MAX, sizeof(*config->index->nodes));
	if (config->index->nodes == NULL || !yaml_parser_initialize(&parser))
		return AEF_ERR_NOMEM;
	walk.index = config->index;
	yaml_parser_set_input_string(&parser, text, len);
	rc = walk_all(&walk, &parser, text, len);
	yaml_parser_delete(&parser);
	free(walk.key);
	return rc;
}

void
config_node_path(const struct aef_config_index *index, uint32_t node, struct aef_text *out)
{
	uint32_t chain[AEF_CONFIG_DEPTH_MAX + 1];
	uint32_t nb = 0;

	for (; node != 0 && nb < AEF_DIM(chain); node = index->nodes[node].parent)
		chain[nb++] = node;
	while (nb > 0) {
		const struct node *at = &index->nodes[chain[--nb]];

		if (at->key != NULL)
			aef_text_printf(out, "%s%.48s", out->len > 0 ? "." : "", at->key);
		else
			aef_text_printf(out, "[%u]", at->ordinal);
	}
}

static uint32_t
child_by_key(const struct aef_config_index *index, uint32_t parent, const char *key, size_t len)
{
	for (uint32_t i = parent + 1; i < index->nb_nodes; i++) {
		const struct node *node = &index->nodes[i];

		if (node->parent == parent && node->key != NULL && strlen(node->key) == len &&
		    memcmp(node->key, key, len) == 0)
			return i;
	}
	return 0;
}

static uint32_t
child_by_ordinal(const struct aef_config_index *index, uint32_t parent, unsigned long ordinal)
{
	for (uint32_t i = parent + 1; i < index->nb_nodes; i++)
		if (index->nodes[i].parent == parent && index->nodes[i].key == NULL &&
		    index->nodes[i].ordinal == ordinal)
			return i;
	return 0;
}

uint32_t
config_node_find(const struct aef_config_index *index, const char *path, bool *ret_whole)
{
	uint32_t at = 0;

	*ret_whole = false;
	if (index == NULL || index->nb_nodes == 0)
		return 0;
	while (*path != '\0') {
		uint32_t child;

		if (*path == '[') {
			char *end;

			child = child_by_ordinal(index, at, strtoul(path + 1, &end, 10));
			path = *end == ']' ? end + 1 : end;
		} else {
			const size_t len = strcspn(path, ".[");

			child = child_by_key(index, at, path, len);
			path += len;
		}
		if (child == 0)
			return at;
		at = child;
		if (*path == '.')
			path++;
	}
	*ret_whole = true;
	return at;
}
