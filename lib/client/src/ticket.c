/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/siphash.h>
#include <client/ticket.h>
#include <protect/token.h>

#define PREFIX      "qt1."
#define PREFIX_LEN  (sizeof(PREFIX) - 1)
#define CHECK_BYTES 4u
#define RAW_BYTES   (CRYPTO_TOKEN_BYTES + CRYPTO_PSK_BYTES + AEF_GUUID_BYTES + CHECK_BYTES)
#define TEXT_BYTES  (RAW_BYTES / 3 * 4)

static_assert(RAW_BYTES % 3 == 0, "base64url without padding");
static_assert(PREFIX_LEN + TEXT_BYTES == CLIENT_TICKET_TEXT_LEN, "text form of a ticket");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Finds typing and copying mistakes; whoever forges a ticket fails at the token's tag. */
static uint32_t
check_value(const uint8_t *raw)
{
	static const uint8_t key[16] = "quantum ticket 1";

	return (uint32_t)aef_siphash64(key, raw, RAW_BYTES - CHECK_BYTES);
}

void
client_ticket_format(const struct client_ticket *ticket, char ret_text[CLIENT_TICKET_TEXT_LEN + 1])
{
	uint8_t raw[RAW_BYTES];
	struct aef_writer w = aef_writer_make(raw, sizeof(raw));
	char *at = ret_text + PREFIX_LEN;

	aef_write_bytes(&w, ticket->token, sizeof(ticket->token));
	aef_write_bytes(&w, ticket->psk, sizeof(ticket->psk));
	aef_write_bytes(&w, ticket->cid.b, sizeof(ticket->cid.b));
	aef_write_be32(&w, check_value(raw));
	memcpy(ret_text, PREFIX, sizeof(PREFIX));
	for (unsigned i = 0; i < RAW_BYTES; i += 3) {
		const uint32_t v =
			((uint32_t)raw[i] << 16) | ((uint32_t)raw[i + 1] << 8) | raw[i + 2];

		for (unsigned j = 0; j < 4; j++)
			*at++ = alphabet[(v >> (18 - 6 * j)) & 63];
	}
	*at = '\0';
	crypto_wipe(raw, sizeof(raw));
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static int
decode(const char *text, uint8_t ret_raw[RAW_BYTES])
{
	for (unsigned i = 0; i < RAW_BYTES; i += 3, text += 4) {
		uint32_t v = 0;

		for (unsigned j = 0; j < 4; j++) {
			const int six = value_of(text[j]);

			if (six < 0)
				return AEF_ERR_MALFORMED;
			v = (v << 6) | (uint32_t)six;
		}
		ret_raw[i] = (uint8_t)(v >> 16);
		ret_raw[i + 1] = (uint8_t)(v >> 8);
		ret_raw[i + 2] = (uint8_t)v;
	}
	return 0;
}

int
client_ticket_parse(const char *text, size_t len, struct client_ticket *ret_ticket)
{
	uint8_t raw[RAW_BYTES];
	int err = AEF_ERR_MALFORMED;

	if (len == CLIENT_TICKET_TEXT_LEN && memcmp(text, PREFIX, PREFIX_LEN) == 0 &&
	    decode(text + PREFIX_LEN, raw) == 0 &&
	    check_value(raw) == aef_load_be32(raw + RAW_BYTES - CHECK_BYTES)) {
		struct aef_reader r = aef_reader_make(raw, sizeof(raw));

		memcpy(ret_ticket->token, aef_read_bytes(&r, CRYPTO_TOKEN_BYTES),
		       CRYPTO_TOKEN_BYTES);
		memcpy(ret_ticket->psk, aef_read_bytes(&r, CRYPTO_PSK_BYTES), CRYPTO_PSK_BYTES);
		memcpy(ret_ticket->cid.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
		err = 0;
	}
	crypto_wipe(raw, sizeof(raw));
	return err;
}

void
client_ticket_from_grant(const struct protect_grant *grant, struct client_ticket *ret_ticket)
{
	memcpy(ret_ticket->token, grant->token, sizeof(ret_ticket->token));
	memcpy(ret_ticket->psk, grant->psk, sizeof(ret_ticket->psk));
	ret_ticket->cid = grant->conn_id;
}

void
client_ticket_wipe(struct client_ticket *ticket)
{
	crypto_wipe(ticket, sizeof(*ticket));
}
