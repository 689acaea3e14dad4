/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <base/err.h>
#include <base/time.h>
#include <json/json.h>

#include "audit_priv.h"
#include "control_priv.h"

#define HASH_KEY    ",\"hash\":\""
#define TAIL_BYTES  (sizeof(HASH_KEY) - 1 + CONTROL_AUDIT_HASH_CHARS + 2) /* ends in "} */
#define LINE_AT_MIN (sizeof(AUDIT_HEAD) + TAIL_BYTES)

void
audit_hash_none(struct audit_hash *ret_hash)
{
	memset(ret_hash->hex, '0', CONTROL_AUDIT_HASH_CHARS);
	ret_hash->hex[CONTROL_AUDIT_HASH_CHARS] = '\0';
}

void
audit_hash_final(struct aef_sha256 *sha, struct audit_hash *ret_hash)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[AEF_SHA256_BYTES];

	aef_sha256_final(sha, digest);
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++) {
		ret_hash->hex[2 * i] = digits[digest[i] >> 4];
		ret_hash->hex[2 * i + 1] = digits[digest[i] & 15];
	}
	ret_hash->hex[CONTROL_AUDIT_HASH_CHARS] = '\0';
}

static void
hash_of(const void *data, size_t len, struct audit_hash *ret_hash)
{
	struct aef_sha256 sha;

	aef_sha256_init(&sha);
	aef_sha256_update(&sha, data, len);
	audit_hash_final(&sha, ret_hash);
}

static void
put_text(struct json_writer *w, const char *text, size_t max)
{
	char copy[CONTROL_AUDIT_TEXT_MAX];
	const size_t len = strnlen(text, max < sizeof(copy) ? max : sizeof(copy));

	memcpy(copy, text, len);
	control_text_clean(copy, len);
	json_write_string(w, (const uint8_t *)copy, len);
}

static void
put_time(struct json_writer *w, uint64_t unix_ns)
{
	const time_t seconds = (time_t)(unix_ns / AEF_NS_PER_S);
	char text[40];
	struct tm tm = { 0 };

	(void)gmtime_r(&seconds, &tm); /* fails beyond the year 2^31: then all is zero */
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
	               (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	               tm.tm_min, tm.tm_sec, (unsigned)(unix_ns % AEF_NS_PER_S / AEF_NS_PER_MS));
	put_text(w, text, sizeof(text));
}

size_t
audit_line_make(char buf[AUDIT_LINE_MAX], const struct audit_event *ev, struct audit_hash *ret_hash)
{
	struct json_writer w;

	aef_assert(ev->nb_fields <= CONTROL_AUDIT_FIELDS_MAX);
	json_writer_init(&w, (uint8_t *)buf, AUDIT_LINE_MAX - 1);
	json_write_object_begin(&w);
	json_write_key(&w, "seq");
	json_write_u64(&w, ev->seq);
	json_write_key(&w, "time");
	put_time(&w, ev->unix_ns);
	json_write_key(&w, "event");
	put_text(&w, ev->event, AUDIT_EVENT_MAX - 1);
	for (unsigned i = 0; i < ev->nb_fields; i++) {
		json_write_key(&w, ev->fields[i].name);
		if (ev->fields[i].text != NULL)
			put_text(&w, ev->fields[i].text, CONTROL_AUDIT_TEXT_MAX);
		else
			json_write_u64(&w, ev->fields[i].number);
	}
	json_write_key(&w, "prev");
	json_write_string(&w, (const uint8_t *)ev->prev->hex, CONTROL_AUDIT_HASH_CHARS);
	hash_of(buf, json_writer_bytes(&w), ret_hash);
	json_write_key(&w, "hash");
	json_write_string(&w, (const uint8_t *)ret_hash->hex, CONTROL_AUDIT_HASH_CHARS);
	json_write_object_end(&w);
	aef_assert(!json_writer_failed(&w));
	return json_writer_bytes(&w);
}

/* A number or text of the line that is wanted; everything else is passed over. */
static int
take(struct json_reader *reader, struct audit_line *line)
{
	struct {
		const char *key;
		uint64_t *number;
		char *text;
		size_t cap;
	} wanted[] = {
		{ "seq", &line->seq, NULL, 0 },
		{ "event", NULL, line->event, sizeof(line->event) },
		{ "torn_bytes", &line->torn_bytes, NULL, 0 },
		{ "lost_events", &line->lost_events, NULL, 0 },
		{ "torn_sha256", NULL, line->torn.hex, sizeof(line->torn.hex) },
		{ "prev", NULL, line->prev.hex, sizeof(line->prev.hex) },
		{ "hash", NULL, line->hash.hex, sizeof(line->hash.hex) },
	};
	size_t i = 0;
	int token;

	while (i < AEF_DIM(wanted) && !json_string_is(reader, wanted[i].key))
		i++;
	token = json_next(reader);
	if (i < AEF_DIM(wanted) && token == JSON_TOK_NUMBER && wanted[i].number != NULL)
		return json_number_u64(reader, UINT64_MAX, wanted[i].number);
	if (i < AEF_DIM(wanted) && token == JSON_TOK_STRING && wanted[i].text != NULL &&
	    reader->str_bytes < wanted[i].cap) {
		json_string_copy(reader, (uint8_t *)wanted[i].text);
		wanted[i].text[reader->str_bytes] = '\0';
		return 0;
	}
	if (token < 0)
		return token;
	return token == JSON_TOK_STRING || token == JSON_TOK_NUMBER ? 0 : AEF_ERR_MALFORMED;
}

int
audit_line_parse(const char *line, size_t len, struct audit_line *ret_line)
{
	struct json_reader reader;
	struct audit_hash hash;
	int token;

	*ret_line = (struct audit_line){ 0 };
	if (len < LINE_AT_MIN || memcmp(line, AUDIT_HEAD, sizeof(AUDIT_HEAD) - 1) != 0 ||
	    memcmp(line + len - TAIL_BYTES, HASH_KEY, sizeof(HASH_KEY) - 1) != 0)
		return AEF_ERR_MALFORMED;
	json_reader_init(&reader, (const uint8_t *)line, len);
	token = json_next(&reader);
	if (token != JSON_TOK_OBJECT_BEGIN)
		return AEF_ERR_MALFORMED;
	while ((token = json_next(&reader)) == JSON_TOK_KEY)
		if (take(&reader, ret_line) < 0)
			return AEF_ERR_MALFORMED;
	if (token != JSON_TOK_OBJECT_END || json_next(&reader) != JSON_TOK_END ||
	    strlen(ret_line->hash.hex) != CONTROL_AUDIT_HASH_CHARS ||
	    strlen(ret_line->prev.hex) != CONTROL_AUDIT_HASH_CHARS)
		return AEF_ERR_MALFORMED;
	hash_of(line, len - TAIL_BYTES, &hash);
	return memcmp(hash.hex, ret_line->hash.hex, CONTROL_AUDIT_HASH_CHARS) == 0 ? 0
	                                                                           : AEF_ERR_AUTH;
}
