/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "op_priv.h"

/* Append the string just read. */
static int
push_string(struct text_op *op, const struct json_reader *reader, enum text_comp_kind kind)
{
	uint8_t *at;
	int r;

	if (reader->str_bytes == 0)
		return AEF_ERR_MALFORMED;
	r = text_op_room(op, reader->str_bytes, &at);
	if (r != 0)
		return r;
	json_string_copy(reader, at);
	return text_op_push(op, kind, reader->str_cps, reader->str_bytes);
}

/* Append the number just read. */
static int
push_number(struct text_op *op, const struct json_reader *reader, enum text_comp_kind kind)
{
	uint64_t nb;

	if (json_number_u64(reader, TEXT_DOC_CPS_MAX, &nb) != 0 || nb == 0)
		return AEF_ERR_MALFORMED;
	return text_op_push(op, kind, (uint32_t)nb, 0);
}

/* The rest of {"d": n} or {"d": "text"}, whose brace was read. */
static int
read_delete(struct json_reader *reader, struct text_op *op)
{
	int token = json_next(reader);
	int r;

	if (token != JSON_TOK_KEY || !json_string_is(reader, "d"))
		return token < 0 ? token : AEF_ERR_MALFORMED;
	token = json_next(reader);
	if (token == JSON_TOK_NUMBER)
		r = push_number(op, reader, TEXT_DELETE);
	else if (token == JSON_TOK_STRING)
		r = push_string(op, reader, TEXT_DELETE);
	else
		r = token < 0 ? token : AEF_ERR_MALFORMED;
	if (r != 0)
		return r;
	token = json_next(reader);
	if (token == JSON_TOK_OBJECT_END)
		return 0;
	return token < 0 ? token : AEF_ERR_MALFORMED;
}

static int
read_comps(struct json_reader *reader, const struct text_op_limits *limits, struct text_op *op)
{
	const uint32_t comps_max =
		limits != NULL && limits->comps_max > 0 ? limits->comps_max : TEXT_OP_COMPS_MAX;
	const uint32_t text_max = limits != NULL && limits->text_bytes_max > 0
	                                  ? limits->text_bytes_max
	                                  : TEXT_OP_TEXT_MAX;
	int r = 0;

	while (r == 0) {
		const int token = json_next(reader);

		switch (token) {
		case JSON_TOK_ARRAY_END:
			text_op_trim(op);
			return 0;
		case JSON_TOK_NUMBER:
			r = push_number(op, reader, TEXT_KEEP);
			break;
		case JSON_TOK_STRING:
			r = push_string(op, reader, TEXT_INSERT);
			break;
		case JSON_TOK_OBJECT_BEGIN:
			r = read_delete(reader, op);
			break;
		default:
			return token < 0 ? token : AEF_ERR_MALFORMED;
		}
		if (op->nb_comps > comps_max || op->text_bytes > text_max)
			return AEF_ERR_LIMIT;
	}
	return r;
}

int
text_op_read(struct json_reader *reader, const struct text_op_limits *limits,
             struct text_op *ret_op)
{
	const int token = json_next(reader);
	int r;

	text_op_reset(ret_op);
	if (token != JSON_TOK_ARRAY_BEGIN)
		return token < 0 ? token : AEF_ERR_MALFORMED;
	r = read_comps(reader, limits, ret_op);
	if (r != 0)
		text_op_reset(ret_op);
	return r;
}

int
text_op_parse(const uint8_t *json, size_t len, const struct text_op_limits *limits,
              struct text_op *ret_op)
{
	struct json_reader reader;
	int r;

	json_reader_init(&reader, json, len);
	r = text_op_read(&reader, limits, ret_op);
	if (r == 0)
		r = json_next(&reader); /* JSON_TOK_END is 0 */
	if (r != 0)
		text_op_reset(ret_op);
	return r <= 0 ? r : AEF_ERR_MALFORMED;
}

void
text_op_write(const struct text_op *op, struct json_writer *writer)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);

	json_write_array_begin(writer);
	for (uint32_t i = 0; i < op->nb_comps; i++) {
		switch (c[i].kind) {
		case TEXT_KEEP:
			json_write_u64(writer, c[i].nb);
			break;
		case TEXT_INSERT:
			json_write_string(writer, text, c[i].bytes);
			break;
		default:
			json_write_object_begin(writer);
			json_write_key(writer, "d");
			if (c[i].bytes > 0)
				json_write_string(writer, text, c[i].bytes);
			else
				json_write_u64(writer, c[i].nb);
			json_write_object_end(writer);
			break;
		}
		text += c[i].bytes;
	}
	json_write_array_end(writer);
}
