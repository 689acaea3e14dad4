/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_priv.h - the index of a YAML file: every key and list entry with its line and schema.
 *
 * libcyaml gives the line of the enclosing key for some errors and takes "1 2" for a number, so the
 * file is first walked by libyaml events, judged against the same schema, and only then loaded.
 */
#ifndef RUNTIME_CONFIG_PRIV_H
#define RUNTIME_CONFIG_PRIV_H

#include <runtime/config.h>

enum node_kind { NODE_SCALAR, NODE_MAPPING, NODE_SEQUENCE };

/* In document order, so a parent always stands before its children. */
struct node {
	const cyaml_schema_value_t *schema; /* NULL until judged */
	char *text;                         /* scalar: its value; owned; else NULL */
	char *key;                          /* owned; NULL in a list and for the document */
	uint32_t parent;                    /* node 0 is the document, its own parent */
	uint32_t ordinal;                   /* position among its parent's children */
	uint32_t nb_children;
	uint32_t line;
	enum node_kind kind;
	bool quoted;
};

struct aef_config_index {
	struct node *nodes; /* room for AEF_CONFIG_NODES_MAX */
	uint32_t nb_nodes;
};

/** Walk the text; fills config->index, also on failure. @return 0, AEF_ERR_CONFIG, AEF_ERR_NOMEM */
int config_index_build(struct aef_config *config, const void *text, size_t len);

/** Free an index; accepts NULL. */
void config_index_free(struct aef_config_index *index);

/** Judge every node against @p top. @return 0 or AEF_ERR_CONFIG */
int config_schema_check(struct aef_config *config, const cyaml_schema_value_t *top);

/** Path of a node, "dpio.ports[1].name", in at most AEF_CONFIG_PATH_MAX bytes. */
void config_node_path(const struct aef_config_index *index, uint32_t node, struct aef_text *out);

/**
 * Deepest node on a path.
 *
 * @param ret_whole true when the whole path exists
 * @return its number; 0 (the document) when not even the first word exists
 */
uint32_t config_node_find(const struct aef_config_index *index, const char *path, bool *ret_whole);

/** Refuse with a line. @return AEF_ERR_CONFIG */
int config_fail_line(struct aef_config *config, uint32_t line, const char *fmt, ...)
	AEF_PRINTF(3, 4);

/** Plain decimal without sign, blanks or leading zeros. */
bool config_number_parse(const char *text, uint64_t *ret_value);

#endif
