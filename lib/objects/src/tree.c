/* SPDX-License-Identifier: BSD-3-Clause */
#include "registers_priv.h"

void
tree_init(struct tree *tree, struct json_writer *writer)
{
	tree->writer = writer;
	tree->open_len = 0;
	tree->is_object = tree->any = false;
}

/* Close objects until the innermost one is the root or stands above @p path. */
static void
close_to(struct tree *tree, const uint8_t *path, uint32_t len)
{
	while (tree->open_len > 0 && !path_is_below(path, len, tree->open, tree->open_len)) {
		json_write_object_end(tree->writer);
		while (tree->open[--tree->open_len] != REGISTERS_SEP)
			; /* one name */
	}
}

/* Length of the name at @p at, behind its separator. */
static uint32_t
name_len(const uint8_t *path, uint32_t len, uint32_t at)
{
	uint32_t end = at + 1;

	while (end < len && path[end] != REGISTERS_SEP)
		end++;
	return end - at - 1;
}

static void
put_value(struct tree *tree, const uint8_t *value, uint32_t len)
{
	if (value != NULL)
		json_write_raw(tree->writer, value, len);
	else
		json_write_null(tree->writer);
}

void
tree_put(struct tree *tree, const uint8_t *path, uint32_t path_len, const uint8_t *value,
         uint32_t value_len)
{
	if (!tree->any && path_len > 0) {
		json_write_object_begin(tree->writer);
		tree->is_object = true;
	}
	tree->any = true;
	close_to(tree, path, path_len);
	while (tree->open_len < path_len) {
		const uint32_t len = name_len(path, path_len, tree->open_len);

		json_write_name(tree->writer, path + tree->open_len + 1, len);
		if (tree->open_len + 1 + len == path_len)
			break; /* it is the last one: the value follows */
		json_write_object_begin(tree->writer);
		memcpy(tree->open + tree->open_len, path + tree->open_len, len + 1);
		tree->open_len += len + 1;
	}
	put_value(tree, value, value_len);
}

bool
tree_end(struct tree *tree)
{
	close_to(tree, NULL, 0);
	if (tree->is_object)
		json_write_object_end(tree->writer);
	return tree->any;
}
