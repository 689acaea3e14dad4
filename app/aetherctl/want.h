/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * want.h - what a connect token shall say, from words of a command line; and its text form.
 *
 * Context: anywhere. Shared by aetherctl (`aetherctl token`) and aetherflowd (`token issue`).
 */
#ifndef AETHERCTL_WANT_H
#define AETHERCTL_WANT_H

#include <client/ticket.h>
#include <protect/token.h>
#include <runtime/text.h>

#define TOKEN_WANT_HELP      "[life=S] [session=ID] [tenant=ID] [subject=ID] [addr=CIDR] [max-...=N]"
#define TOKEN_WANT_WORDS_MAX 8

struct token_want {
	struct crypto_token token;
	uint32_t life_ms;
};

/** Life of 30 s, a new session, no limits, any address. */
void token_want_init(struct token_want *ret_want);

/**
 * Set one of: life (1 to 120 s), session, tenant, subject (GUUID), addr (address/prefix), max-kbps,
 * max-pps, max-docs (0: no limit).
 *
 * @return 0; AEF_ERR_NOTFOUND (no such name), AEF_ERR_INVALID; then @p error is a sentence
 */
AEF_MUST_CHECK int token_want_set(struct token_want *want, const char *name, const char *value,
                                  struct aef_text *error);

/** The same from one word, "life=30". */
AEF_MUST_CHECK int token_want_word(struct token_want *want, const char *word,
                                   struct aef_text *error);

/** The text form that clients take; wipe it after use. */
void token_grant_ticket(const struct protect_grant *grant,
                        char ret_text[CLIENT_TICKET_TEXT_LEN + 1]);

#endif
