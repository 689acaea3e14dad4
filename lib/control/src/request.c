/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <sys/socket.h>

#include <base/err.h>
#include <json/json.h>

#include "control_priv.h"

/* Bytes of the UTF-8 sequence at @p p, 0 when it is none (RFC 3629 section 4). */
static size_t
utf8_bytes(const uint8_t *p, size_t len)
{
	static const struct {
		uint8_t from, to, second_from, second_to, bytes;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < AEF_DIM(forms); i++) {
		if (p[0] < forms[i].from || p[0] > forms[i].to)
			continue;
		if (forms[i].bytes > len)
			return 0;
		for (size_t k = 1; k < forms[i].bytes; k++) {
			const uint8_t from = k == 1 ? forms[i].second_from : 0x80;
			const uint8_t to = k == 1 ? forms[i].second_to : 0xbf;

			if (p[k] < from || p[k] > to)
				return 0;
		}
		return forms[i].bytes;
	}
	return 0;
}

void
control_text_clean(char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		const uint8_t c = (uint8_t)text[i];
		const size_t bytes = utf8_bytes((const uint8_t *)text + i, len - i);

		if (bytes == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			text[i] = '?';
		i += bytes > 0 ? bytes : 1;
	}
}

static int
id_take(const struct json_reader *reader, int token, struct control_request *req,
        const char **ret_why)
{
	const bool quoted = token == JSON_TOK_STRING;
	const size_t len = reader->slice_bytes + (quoted ? 2u : 0u);
	char *p = req->id;

	if (token == JSON_TOK_NULL)
		return 0;
	if (!quoted && token != JSON_TOK_NUMBER) {
		*ret_why = "The id must be a number or a string.";
		return AEF_ERR_INVALID;
	}
	if (len > CONTROL_ID_MAX) {
		*ret_why = "The id is too long: at most 64 bytes.";
		return AEF_ERR_LIMIT;
	}
	if (quoted)
		*p++ = '"';
	memcpy(p, reader->slice, reader->slice_bytes);
	p += reader->slice_bytes;
	if (quoted)
		*p++ = '"';
	*p = '\0';
	return 0;
}

static int
cmd_take(const struct json_reader *reader, int token, struct control_request *req,
         const char **ret_why)
{
	if (token != JSON_TOK_STRING) {
		*ret_why = "The cmd must be a string.";
		return AEF_ERR_INVALID;
	}
	if (reader->str_bytes >= sizeof(req->cmd)) {
		*ret_why = "The cmd is too long: at most 511 bytes.";
		return AEF_ERR_LIMIT;
	}
	json_string_copy(reader, (uint8_t *)req->cmd);
	req->cmd[reader->str_bytes] = '\0';
	for (uint32_t i = 0; i < reader->str_bytes; i++) {
		if ((uint8_t)req->cmd[i] >= 0x20 && (uint8_t)req->cmd[i] != 0x7f)
			continue;
		*ret_why = "The cmd holds a control character.";
		return AEF_ERR_INVALID;
	}
	return 0;
}

/* One member; @p seen: which ones there were. */
static int
member(struct json_reader *reader, struct control_request *req, unsigned *seen,
       const char **ret_why)
{
	const bool is_id = json_string_is(reader, "id");
	const unsigned bit = is_id ? 1 : 2;
	int token;

	if (!is_id && !json_string_is(reader, "cmd")) {
		*ret_why = "A request has only the members id and cmd.";
		return AEF_ERR_INVALID;
	}
	if ((*seen & bit) != 0) {
		*ret_why = "A member is given twice.";
		return AEF_ERR_INVALID;
	}
	*seen |= bit;
	token = json_next(reader);
	if (token < 0)
		return token;
	return is_id ? id_take(reader, token, req, ret_why) : cmd_take(reader, token, req, ret_why);
}

int
control_request_parse(const char *line, size_t len, struct control_request *ret_request,
                      const char **ret_why)
{
	struct json_reader reader;
	unsigned seen = 0;
	int token;

	memcpy(ret_request->id, "null", 5);
	*ret_why = "The line is not a JSON object; write {\"id\":1,\"cmd\":\"help\"}.";
	json_reader_init(&reader, (const uint8_t *)line, len);
	token = json_next(&reader);
	if (token != JSON_TOK_OBJECT_BEGIN)
		return AEF_ERR_MALFORMED;
	while ((token = json_next(&reader)) == JSON_TOK_KEY) {
		const int rc = member(&reader, ret_request, &seen, ret_why);

		if (rc < 0)
			return rc;
	}
	if (token != JSON_TOK_OBJECT_END || json_next(&reader) != JSON_TOK_END)
		return AEF_ERR_MALFORMED;
	if ((seen & 2) == 0) {
		*ret_why = "The member cmd is missing.";
		return AEF_ERR_INVALID;
	}
	return 0;
}

size_t
control_reply_bytes(size_t text_len)
{
	return 2 * text_len + CONTROL_ID_MAX + 128; /* an escape doubles: clean text has no \u */
}

size_t
control_reply_write(char *buf, size_t cap, const struct control_reply *reply)
{
	struct json_writer w;

	json_writer_init(&w, (uint8_t *)buf, cap);
	json_write_object_begin(&w);
	json_write_key(&w, "id");
	json_write_raw(&w, (const uint8_t *)reply->id, strlen(reply->id));
	json_write_key(&w, "ok");
	json_write_bool(&w, reply->rc >= 0);
	if (reply->rc < 0) {
		const char *name = aef_err_name(reply->rc);

		json_write_key(&w, "error");
		json_write_string(&w, (const uint8_t *)name, strlen(name));
	}
	json_write_key(&w, "text");
	json_write_string(&w, (const uint8_t *)reply->text, reply->text_len);
	if (reply->cut) {
		json_write_key(&w, "cut");
		json_write_bool(&w, true);
	}
	json_write_object_end(&w);
	aef_assert(!json_writer_failed(&w) && json_writer_bytes(&w) < cap);
	buf[json_writer_bytes(&w)] = '\n';
	return json_writer_bytes(&w) + 1;
}

int
control_address(const char *path, struct sockaddr_un *ret_address)
{
	if (path[0] == '\0' || strlen(path) >= sizeof(ret_address->sun_path))
		return AEF_ERR_LIMIT;
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret_address->sun_path, path, strlen(path) + 1);
	return 0;
}
