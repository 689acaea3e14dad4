/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <runtime/command.h>

struct aef_command_item {
	const struct aef_command *cmd;
	void *ctx;
};

/* How well a path fits a line. */
struct fit {
	const struct aef_command_item *item;
	int words; /* of the path, all of them matched */
	int exact; /* of these, the ones spelled out */
	int nb_best;
};

int
aef_commands_init(struct aef_commands *cmds, uint32_t items_max)
{
	*cmds = (struct aef_commands){ .items_max = items_max };
	cmds->items = calloc(items_max > 0 ? items_max : 1, sizeof(*cmds->items));
	return cmds->items != NULL ? 0 : AEF_ERR_NOMEM;
}

void
aef_commands_fini(struct aef_commands *cmds)
{
	free(cmds->items);
	*cmds = (struct aef_commands){ 0 };
}

int
aef_commands_add(struct aef_commands *cmds, const struct aef_command *table, void *ctx)
{
	for (; table->path != NULL; table++) {
		for (uint32_t i = 0; i < cmds->nb_items; i++)
			if (strcmp(cmds->items[i].cmd->path, table->path) == 0)
				return AEF_ERR_EXISTS;
		if (cmds->nb_items == cmds->items_max)
			return AEF_ERR_FULL;
		cmds->items[cmds->nb_items++] = (struct aef_command_item){ table, ctx };
	}
	return 0;
}

/* Length of the first word of a path; the next one starts after a space. */
static size_t
word_len(const char *path)
{
	return strcspn(path, " ");
}

/**
 * Words of @p path that the line matches from its start on.
 *
 * @param ret_whole the whole path was matched
 */
static int
path_match(const char *path, int argc, char *const *argv, int *ret_exact, bool *ret_whole)
{
	int words = 0;

	*ret_exact = 0;
	*ret_whole = false;
	while (words < argc) {
		const size_t len = word_len(path);
		const size_t given = strlen(argv[words]);

		if (given > len || strncmp(path, argv[words], given) != 0)
			return words;
		*ret_exact += given == len;
		words++;
		path += len;
		if (*path == '\0') {
			*ret_whole = true;
			return words;
		}
		path++;
	}
	return words;
}

static struct fit
best_fit(const struct aef_commands *cmds, int argc, char *const *argv)
{
	struct fit best = { 0 };

	for (uint32_t i = 0; i < cmds->nb_items; i++) {
		int exact;
		bool whole;
		const int words = path_match(cmds->items[i].cmd->path, argc, argv, &exact, &whole);

		if (!whole)
			continue;
		if (words > best.words || (words == best.words && exact > best.exact))
			best = (struct fit){ &cmds->items[i], words, exact, 1 };
		else if (words == best.words && exact == best.exact)
			best.nb_best++;
	}
	return best;
}

static void
help_line(const struct aef_command *cmd, struct aef_text *out)
{
	aef_text_printf(out, "  %s%s%s - %s\n", cmd->path, cmd->args[0] != '\0' ? " " : "",
	                cmd->args, cmd->help);
}

/* Every command that goes on from the given words. @return their number */
static int
help_matching(const struct aef_commands *cmds, int argc, char *const *argv, struct aef_text *out)
{
	int nb = 0;

	for (uint32_t i = 0; i < cmds->nb_items; i++) {
		int exact;
		bool whole;

		if (path_match(cmds->items[i].cmd->path, argc, argv, &exact, &whole) == argc) {
			help_line(cmds->items[i].cmd, out);
			nb++;
		}
	}
	return nb;
}

static int
split(char *line, char **argv)
{
	int argc = 0;
	char *save = NULL;

	for (char *word = strtok_r(line, " \t\r\n", &save); word != NULL;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		if (argc == AEF_COMMAND_WORDS_MAX)
			return AEF_ERR_LIMIT;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

static int
run_help(const struct aef_commands *cmds, int argc, char *const *argv, struct aef_text *out)
{
	if (help_matching(cmds, argc, argv, out) > 0)
		return 0;
	aef_text_printf(out, "No command starts with these words; type help for all.\n");
	return AEF_ERR_NOTFOUND;
}

int
aef_commands_run(const struct aef_commands *cmds, const char *line, struct aef_text *out)
{
	char copy[AEF_COMMAND_LINE_MAX];
	char *argv[AEF_COMMAND_WORDS_MAX + 1];
	struct fit fit;
	int argc;

	argc = strlen(line) < sizeof(copy) ? 0 : AEF_ERR_LIMIT;
	if (argc == 0) {
		memcpy(copy, line, strlen(line) + 1);
		argc = split(copy, argv);
	}
	if (argc < 0) {
		aef_text_printf(out, "The line is too long: at most %d words and %d bytes.\n",
		                AEF_COMMAND_WORDS_MAX, AEF_COMMAND_LINE_MAX - 1);
		return AEF_ERR_LIMIT;
	}
	if (argc == 0)
		return 0;
	if (strcmp(argv[0], "help") == 0)
		return run_help(cmds, argc - 1, argv + 1, out);
	fit = best_fit(cmds, argc, argv);
	if (fit.item == NULL) {
		aef_text_printf(out, "Unknown command '%s'; type help.\n", argv[0]);
		(void)help_matching(cmds, argc, argv, out); /* perhaps only words are missing */
		return AEF_ERR_NOTFOUND;
	}
	if (fit.nb_best > 1) {
		aef_text_printf(out, "Ambiguous, it could be:\n");
		(void)help_matching(cmds, fit.words, argv, out);
		return AEF_ERR_INVALID;
	}
	argc -= fit.words;
	if (argc < fit.item->cmd->argc_min || argc > fit.item->cmd->argc_max) {
		aef_text_printf(out, "Wrong number of arguments:\n");
		help_line(fit.item->cmd, out);
		return AEF_ERR_INVALID;
	}
	return fit.item->cmd->run(fit.item->ctx, argc, argv + fit.words, out);
}
