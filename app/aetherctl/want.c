/* SPDX-License-Identifier: BSD-3-Clause */
#include "want.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

void
token_want_init(struct token_want *ret_want)
{
	*ret_want = (struct token_want){ .life_ms = CRYPTO_TOKEN_LIFE_DEFAULT_MS };
}

static int
number(const char *name, const char *value, uint64_t min, uint64_t max, uint64_t *ret_number,
       struct aef_text *error)
{
	const size_t len = strlen(value);

	if (len > 0 && len <= 10 && strspn(value, "0123456789") == len) {
		*ret_number = strtoull(value, NULL, 10);
		if (*ret_number >= min && *ret_number <= max)
			return 0;
	}
	aef_text_printf(error, "%s must be a number from %llu to %llu, not '%s'.\n", name,
	                (unsigned long long)min, (unsigned long long)max, value);
	return AEF_ERR_INVALID;
}

static int
id(const char *name, const char *value, struct aef_guuid *ret_id, struct aef_text *error)
{
	if (aef_guuid_parse(value, strlen(value), ret_id) == 0)
		return 0;
	aef_text_printf(error,
	                "%s must be a GUUID like 0190f3c2-7b1e-7000-8000-0123456789ab, not '%s'.\n",
	                name, value);
	return AEF_ERR_INVALID;
}

/* "192.0.2.0/24", "2001:db8::/32"; without a prefix: that one address. */
static int
address(const char *value, struct crypto_token *token, struct aef_text *error)
{
	const char *slash = strchr(value, '/');
	const size_t len = slash != NULL ? (size_t)(slash - value) : strlen(value);
	const bool v6 = memchr(value, ':', len) != NULL;
	const unsigned bits = v6 ? 128 : 32;
	char text[INET6_ADDRSTRLEN];
	uint64_t prefix = bits;
	uint8_t addr[16] = { 0 };

	if (len >= sizeof(text)) {
		aef_text_printf(error, "addr is too long.\n");
		return AEF_ERR_INVALID;
	}
	memcpy(text, value, len);
	text[len] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1) {
		aef_text_printf(error,
		                "addr must be an address like 192.0.2.0/24 or "
		                "2001:db8::/32, not '%s'.\n",
		                value);
		return AEF_ERR_INVALID;
	}
	if (slash != NULL && number("The prefix of addr", slash + 1, 1, bits, &prefix, error) < 0)
		return AEF_ERR_INVALID;
	for (unsigned bit = (unsigned)prefix; bit < bits; bit++) {
		if ((addr[bit / 8] & (0x80u >> (bit % 8))) == 0)
			continue;
		aef_text_printf(error, "addr has bits beyond its prefix of %u; make them 0.\n",
		                (unsigned)prefix);
		return AEF_ERR_INVALID;
	}
	token->addr_family = v6 ? CRYPTO_ADDR_IPV6 : CRYPTO_ADDR_IPV4;
	token->addr_prefix = (uint8_t)prefix;
	memcpy(token->addr, addr, sizeof(addr));
	return 0;
}

int
token_want_set(struct token_want *want, const char *name, const char *value, struct aef_text *error)
{
	struct crypto_token *t = &want->token;
	uint64_t n = 0;
	int rc;

	if (strcmp(name, "session") == 0)
		return id(name, value, &t->session_id, error);
	if (strcmp(name, "tenant") == 0)
		return id(name, value, &t->tenant_id, error);
	if (strcmp(name, "subject") == 0)
		return id(name, value, &t->subject_id, error);
	if (strcmp(name, "addr") == 0)
		return address(value, t, error);
	if (strcmp(name, "life") == 0) {
		rc = number("life, in seconds,", value, 1, CRYPTO_TOKEN_LIFE_MAX_MS / 1000, &n,
		            error);
		want->life_ms = rc == 0 ? (uint32_t)n * 1000 : want->life_ms;
		return rc;
	}
	if (strcmp(name, "max-kbps") == 0) {
		rc = number(name, value, 0, UINT32_MAX, &n, error);
		t->max_kbps = (uint32_t)n;
		return rc;
	}
	if (strcmp(name, "max-pps") == 0) {
		rc = number(name, value, 0, UINT32_MAX, &n, error);
		t->max_pps = (uint32_t)n;
		return rc;
	}
	if (strcmp(name, "max-docs") == 0) {
		rc = number(name, value, 0, UINT16_MAX, &n, error);
		t->max_docs = (uint16_t)n;
		return rc;
	}
	aef_text_printf(error,
	                "A token has no '%s'; it has life, session, tenant, subject, addr, "
	                "max-kbps, max-pps, max-docs.\n",
	                name);
	return AEF_ERR_NOTFOUND;
}

int
token_want_word(struct token_want *want, const char *word, struct aef_text *error)
{
	const char *equals = strchr(word, '=');
	char name[16];

	if (equals == NULL || (size_t)(equals - word) >= sizeof(name)) {
		aef_text_printf(error, "'%s' is not name=value.\n", word);
		return AEF_ERR_INVALID;
	}
	memcpy(name, word, (size_t)(equals - word));
	name[equals - word] = '\0';
	return token_want_set(want, name, equals + 1, error);
}

void
token_grant_ticket(const struct protect_grant *grant, char ret_text[CLIENT_TICKET_TEXT_LEN + 1])
{
	struct client_ticket ticket;

	client_ticket_from_grant(grant, &ticket);
	client_ticket_format(&ticket, ret_text);
	client_ticket_wipe(&ticket);
}
