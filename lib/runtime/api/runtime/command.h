/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/command.h - commands by path ("show port stats"), shared by the console and the control
 * socket.
 *
 * Each word of a line matches the word of a path that it is, or of which it is a prefix; a line is
 * refused as ambiguous when several paths match equally long. Words after the path are arguments.
 *
 * Context: the control thread. A command writes to a bounded text and never blocks.
 */
#ifndef RUNTIME_COMMAND_H
#define RUNTIME_COMMAND_H

#include <runtime/text.h>

#define AEF_COMMAND_WORDS_MAX 16
#define AEF_COMMAND_LINE_MAX  512

/**
 * Body of a command.
 *
 * @param ctx  what was given with the table
 * @param argc words after the path; @p argv ends with NULL
 * @return 0 or an enum aef_err; then `out` holds a sentence for the user
 */
typedef int (*aef_command_fn)(void *ctx, int argc, char *const *argv, struct aef_text *out);

/* What a module declares, static storage; a table ends with { 0 }. */
struct aef_command {
	const char *path; /* lower-case words separated by one space */
	const char *args; /* shown by help: "all|<port>"; "" for none */
	const char *help; /* one line */
	aef_command_fn run;
	uint8_t argc_min;
	uint8_t argc_max;
};

struct aef_commands {
	struct aef_command_item *items; /* owned */
	uint32_t nb_items;
	uint32_t items_max;
};

/** Start an empty registry for up to @p items_max commands. @return 0 or AEF_ERR_NOMEM */
AEF_MUST_CHECK int aef_commands_init(struct aef_commands *cmds, uint32_t items_max);

/** Free the registry; accepts a zeroed one. */
void aef_commands_fini(struct aef_commands *cmds);

/**
 * Add a table that ends with { 0 }; @p ctx goes to each of its functions.
 *
 * @return 0; AEF_ERR_FULL; AEF_ERR_EXISTS when a path is taken (earlier ones of the table stay)
 */
AEF_MUST_CHECK int aef_commands_add(struct aef_commands *cmds, const struct aef_command *table,
                                    void *ctx);

/**
 * Run one line. `help` and `help <words>` are built in.
 *
 * @return what the command returned; AEF_ERR_NOTFOUND for an unknown, AEF_ERR_INVALID for an
 *         ambiguous path or a wrong number of arguments, AEF_ERR_LIMIT for an overlong line; @p out
 *         then says what to do. An empty line is 0.
 */
int aef_commands_run(const struct aef_commands *cmds, const char *line, struct aef_text *out);

#endif
