/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client/ticket.h - what a client needs to connect once: sealed token, its secret, connection id.
 *
 * A session service issues a ticket over a protected channel. The text form is one word,
 * "qt1." and 320 characters of base64url over token 188 | secret 32 | connection id 16 | check 4,
 * so that it fits a shell argument, a JSON string and an environment variable.
 *
 * Source:  DESIGN 4 (connect tokens); RFC 4648 section 5 (base64url without padding).
 * Context: anywhere. A ticket is a secret that lives some seconds: wipe it after use.
 */
#ifndef CLIENT_TICKET_H
#define CLIENT_TICKET_H

#include <base/guuid.h>
#include <crypto/provider.h>

#define CLIENT_TICKET_TEXT_LEN 324u /* without the terminating NUL */

struct client_ticket {
	uint8_t token[CRYPTO_TOKEN_BYTES]; /* opaque to the client */
	uint8_t psk[CRYPTO_PSK_BYTES];
	struct aef_guuid cid; /* C of the token */
};

/**
 * Read the text form.
 *
 * @param text need not be terminated; no white space around it
 * @param len  must be CLIENT_TICKET_TEXT_LEN
 * @return 0, or AEF_ERR_MALFORMED: other length, other prefix, a character outside base64url, or a
 *         check value that does not fit (a copy that lost or changed a character); nothing written
 */
AEF_MUST_CHECK int client_ticket_parse(const char *text, size_t len,
                                       struct client_ticket *ret_ticket);

/** Write the text form, CLIENT_TICKET_TEXT_LEN characters and a NUL. */
void client_ticket_format(const struct client_ticket *ticket,
                          char ret_text[CLIENT_TICKET_TEXT_LEN + 1]);

struct protect_grant;

/** The ticket of what protect_token_issue() granted; both are secrets. */
void client_ticket_from_grant(const struct protect_grant *grant, struct client_ticket *ret_ticket);

/** Overwrite a ticket with zeros. */
void client_ticket_wipe(struct client_ticket *ticket);

#endif
