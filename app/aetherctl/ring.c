/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <protect/reset_key.h>

#include "ctl.h"

#define ENTRIES_MAX 4096u

static int
failed(int rc, const char *error)
{
	return ctl_say(1, "%s", error[0] != '\0' ? error : aef_err_text(rc));
}

static int
keys_init(const struct ctl_options *o)
{
	char error[PROTECT_ERROR_MAX] = "", reset[PROTECT_ERROR_MAX] = "";
	const int rc = protect_ring_dir_init(o->ring, o->group, error);
	int reset_rc = 0;

	/* Also for a folder that is there: one file for all groups, and copies come without it. */
	if (rc == 0 || rc == AEF_ERR_EXISTS)
		reset_rc = protect_reset_key_make(o->ring, reset);
	if (rc == AEF_ERR_EXISTS && reset_rc == 1) {
		printf("group %u: its keys stay as they are; reset.secret is made\n", o->group);
		return 0;
	}
	if (rc < 0)
		return failed(rc, error);
	if (reset_rc < 0)
		return failed(reset_rc, reset);
	printf("group %u: epoch 1 is current\n", o->group);
	return 0;
}

static int
keys_add(const struct ctl_options *o)
{
	char error[PROTECT_ERROR_MAX] = "";
	uint16_t epoch = 0;
	const int rc = protect_ring_dir_add(o->ring, o->group, &epoch, error);

	if (rc < 0)
		return failed(rc, error);
	printf("group %u: epoch %u is ready; hand the folder to every node and issuer of the "
	       "group, then promote\n",
	       o->group, epoch);
	return 0;
}

static int
keys_promote(const struct ctl_options *o)
{
	char error[PROTECT_ERROR_MAX] = "";
	uint16_t epoch = 0;
	const int rc = protect_ring_dir_promote(o->ring, o->group, &epoch, error);

	if (rc < 0)
		return failed(rc, error);
	printf("group %u: epoch %u is current\n", o->group, epoch);
	return 0;
}

static int
keys_revoke(const struct ctl_options *o, const char *text)
{
	char error[PROTECT_ERROR_MAX] = "";
	uint16_t epoch;
	int rc;

	if (!protect_epoch_parse(text, &epoch))
		return ctl_say(2, "'%s' is no epoch: a number from 0 to 65535", text);
	rc = protect_ring_dir_revoke(o->ring, o->group, epoch, error);
	if (rc < 0)
		return failed(rc, error);
	printf("group %u: epoch %u is revoked; running nodes need: aetherctl keys reload\n",
	       o->group, epoch);
	return 0;
}

static int
keys_list(const struct ctl_options *o)
{
	static struct protect_ring_entry entries[ENTRIES_MAX];
	char error[PROTECT_ERROR_MAX] = "";
	const int nb = protect_ring_dir_list(o->ring, entries, ENTRIES_MAX, error);

	if (nb < 0)
		return failed(nb, error);
	for (int i = 0; i < nb; i++)
		printf("group %u epoch %u %s\n", entries[i].group, entries[i].epoch,
		       protect_key_state_name(entries[i].state));
	if (nb == (int)ENTRIES_MAX)
		fputs("(there may be more)\n", stderr);
	return 0;
}

int
ctl_keys(const struct ctl_options *o, int nb_words, char *const *words)
{
	static const struct {
		const char *verb;
		int (*run)(const struct ctl_options *o);
	} verbs[] = {
		{ "init", keys_init },
		{ "add", keys_add },
		{ "promote", keys_promote },
		{ "list", keys_list },
	};
	const char *verb = nb_words > 0 ? words[0] : "";

	if (strcmp(verb, "revoke") == 0 && nb_words == 2)
		return keys_revoke(o, words[1]);
	for (size_t i = 0; i < AEF_DIM(verbs); i++)
		if (strcmp(verb, verbs[i].verb) == 0 && nb_words == 1)
			return verbs[i].run(o);
	return ctl_say(2, "keys with --ring wants init, add, promote, list or revoke EPOCH; see "
	                  "aetherctl keys --help");
}
