/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctl.h - what the files of aetherctl share.
 *
 *   main.c  options, help, control socket     ring.c   `keys` on a key-ring folder
 *   want.c  what a token shall say            issue.c  `token`
 *                                             audit.c  `audit verify`
 *
 * Every function returns the exit code: 0 done; 1 it failed, one sentence on standard error said
 * why and what to do; 2 bad usage, likewise.
 */
#ifndef AETHERCTL_CTL_H
#define AETHERCTL_CTL_H

#include "want.h"

struct ctl_options {
	const char *socket;
	const char *ring; /* NULL: not given */
	const char *out;  /* of the token; NULL: standard output */
	uint16_t group;
	bool json;
	uint32_t timeout_ms;
	struct token_want want;
	const char *want_name; /* the last one given; NULL: none */
};

/** Say one sentence, "aetherctl: ...\n", without a second full stop. @return @p code */
AEF_PRINTF(2, 3)
int ctl_say(int code, const char *fmt, ...);

/** `keys <verb>` on a folder: init, add, promote, revoke, list. @p words after "keys". */
int ctl_keys(const struct ctl_options *o, int nb_words, char *const *words);

/** `token`. */
int ctl_token(const struct ctl_options *o);

/** `audit verify FILE...`, oldest first. */
int ctl_audit_verify(int nb_files, char *const *files);

#endif
