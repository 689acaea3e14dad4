/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_fuzz.c - any bytes as a line of the control socket, as a command's text, and as a line of
 * the audit log, also with its hash made right. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <json/json.h>

#include "audit_priv.h"
#include "control_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

/* Exactly one JSON value, then a newline. */
static void
must_be_json(const char *line, size_t len)
{
	struct json_reader reader;
	int token;

	must(len > 0 && line[len - 1] == '\n' && memchr(line, '\n', len) == line + len - 1);
	json_reader_init(&reader, (const uint8_t *)line, len);
	do
		token = json_next(&reader);
	while (token > 0);
	must(token == JSON_TOK_END);
}

static void
reply_to(const char *id, int rc, const char *text, size_t len)
{
	const struct control_reply reply = { .id = id, .rc = rc, .text = text, .text_len = len };
	const size_t cap = control_reply_bytes(len);
	char *buf = malloc(cap);

	must(buf != NULL);
	must_be_json(buf, control_reply_write(buf, cap, &reply));
	free(buf);
}

static void
request(const uint8_t *data, size_t len)
{
	struct control_request req;
	const char *why = NULL;
	const int rc = control_request_parse((const char *)data, len, &req, &why);

	if (rc == 0) {
		must(strlen(req.cmd) < sizeof(req.cmd));
		for (const char *p = req.cmd; *p != '\0'; p++)
			must((uint8_t)*p >= 0x20 && *p != 0x7f);
		reply_to(req.id, rc, req.cmd, strlen(req.cmd));
	} else {
		must(why != NULL && why[0] != '\0');
		reply_to(req.id, rc, why, strlen(why));
	}
}

static void
text(const uint8_t *data, size_t len)
{
	char *copy = malloc(len + 1);

	must(copy != NULL);
	memcpy(copy, data, len);
	control_text_clean(copy, len);
	reply_to("null", 0, copy, len);
	free(copy);
}

/* A line of the audit log; with a body of its own and the right hash it must be taken or refused
 * for its form, never for its hash. */
static void
line(const uint8_t *data, size_t len)
{
	static const char key[] = ",\"hash\":\"";
	struct audit_line parsed;
	struct audit_hash hash;
	struct aef_sha256 sha;
	char *made = malloc(len + 128);
	size_t at = len;

	must(made != NULL);
	if (audit_line_parse((const char *)data, len, &parsed) == 0)
		must(strlen(parsed.prev.hex) == CONTROL_AUDIT_HASH_CHARS);
	memcpy(made, data, len);
	aef_sha256_init(&sha);
	aef_sha256_update(&sha, made, len);
	audit_hash_final(&sha, &hash);
	memcpy(made + at, key, sizeof(key) - 1);
	at += sizeof(key) - 1;
	memcpy(made + at, hash.hex, CONTROL_AUDIT_HASH_CHARS);
	at += CONTROL_AUDIT_HASH_CHARS;
	memcpy(made + at, "\"}", 2);
	must(audit_line_parse(made, at + 2, &parsed) != AEF_ERR_AUTH ||
	     strcmp(parsed.hash.hex, hash.hex) != 0);
	free(made);
}

/* A field of any text makes one line that is read again. */
static void
field(const uint8_t *data, size_t len)
{
	char value[CONTROL_AUDIT_TEXT_MAX + 8] = "", buf[AUDIT_LINE_MAX];
	const struct control_audit_field fields[] = { { .name = "text", .text = value } };
	struct audit_hash prev, hash;
	const struct audit_event ev = {
		.seq = len,
		.event = "fuzz",
		.fields = fields,
		.nb_fields = 1,
		.prev = &prev,
	};
	struct audit_line parsed;
	size_t made;

	memcpy(value, data, len < sizeof(value) - 1 ? len : sizeof(value) - 1);
	audit_hash_none(&prev);
	made = audit_line_make(buf, &ev, &hash);
	must(memchr(buf, '\n', made) == NULL);
	must(audit_line_parse(buf, made, &parsed) == 0 && parsed.seq == len);
	must(strcmp(parsed.hash.hex, hash.hex) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const parts[])(const uint8_t *data, size_t len) = { request, text, line,
		                                                          field };

	if (len > 0)
		parts[data[0] % AEF_DIM(parts)](data + 1, len - 1);
	return 0;
}
