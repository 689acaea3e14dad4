/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json/json.h - a pull parser and a bounded writer for JSON, and for CBOR of the same data model.
 * No allocation, no copy unless asked.
 *
 * The reader checks grammar and strict UTF-8 as it goes; what it returned before an error was
 * well-formed so far, so a caller commits only after JSON_TOK_END. Numbers stay text. A caller
 * that takes both forms sees the same tokens, strings and numbers from either.
 *
 * Of CBOR it reads what JSON can say, in definite and indefinite length and with arguments longer
 * than they need be: text strings, arrays, maps with text keys, integers of 64 bits and a sign,
 * false, true, null, and finite floats, which become the shortest text of the same double. All
 * else (byte strings, tags and with them bignums, undefined, NaN, other simple values, other keys)
 * is AEF_ERR_UNSUPPORTED as soon as it begins.
 *
 * Names of an object are not compared with each other: a caller that cares (RFC 7493 forbids
 * doubles) has json/names.h.
 *
 * Source:  RFC 8259 (grammar), RFC 8949 (CBOR), RFC 3629 (UTF-8), RFC 8785 section 3.2.2 (escapes
 *          and floats written).
 * Units:   bytes.
 * Context: anywhere; input and output buffers are borrowed while the reader or writer lives.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <base/defs.h>
#include <base/err.h>

#define JSON_DEPTH_MAX 64

enum json_token {
	JSON_TOK_END = 0, /* the one top-level value is complete and only white space followed */
	JSON_TOK_OBJECT_BEGIN,
	JSON_TOK_OBJECT_END,
	JSON_TOK_ARRAY_BEGIN,
	JSON_TOK_ARRAY_END,
	JSON_TOK_KEY, /* string of an object member; its value comes next */
	JSON_TOK_STRING,
	JSON_TOK_NUMBER,
	JSON_TOK_TRUE,
	JSON_TOK_FALSE,
	JSON_TOK_NULL,
};

/* Longest text of a double: -0.0000012345678901234567 */
#define JSON_F64_TEXT_MAX 25

struct json_reader {
	const uint8_t *p;
	const uint8_t *end;
	uint64_t is_object; /* bit i: container at depth i is an object */
	uint8_t depth;
	uint8_t state; /* private, enum json_state */
	bool is_cbor;
	int err; /* sticky */

	/*
	 * Of the last JSON_TOK_KEY, JSON_TOK_STRING or JSON_TOK_NUMBER, in the input. But the text
	 * of a number from CBOR is in the reader: it stands until the next token, and not in a
	 * copy.
	 */
	const uint8_t *slice; /* of a string its content as sent: see json_string_copy() */
	uint32_t slice_bytes;
	uint32_t str_bytes; /* of a string: its bytes; == slice_bytes: the slice is the string */
	uint32_t str_cps;   /* of a string: its code points */

	/* Written for CBOR only. */
	struct {
		uint64_t is_indefinite;        /* bit i: container at depth i has no count */
		uint32_t left[JSON_DEPTH_MAX]; /* elements or members to come */
		uint8_t number[JSON_F64_TEXT_MAX];
	} cbor;
};

/** Read the @p len bytes (at most UINT32_MAX) of JSON at @p text. */
void json_reader_init(struct json_reader *reader, const uint8_t *text, size_t len);

/** Read CBOR when @p data begins with the self-describe tag d9 d9 f7 (no JSON does), else JSON. */
void json_reader_init_any(struct json_reader *reader, const uint8_t *data, size_t len);

/**
 * Next token.
 *
 * @return enum json_token; AEF_ERR_MALFORMED (also when the input ends early or goes on behind the
 *         value); AEF_ERR_UNSUPPORTED: CBOR without a counterpart in JSON; AEF_ERR_LIMIT: below
 *         JSON_DEPTH_MAX containers. An error repeats for ever.
 */
AEF_MUST_CHECK int json_next(struct json_reader *reader);

/** After a *_BEGIN token: consume up to its end; after another value: nothing. 0 or an error. */
AEF_MUST_CHECK int json_skip(struct json_reader *reader, int token);

/** Copy the last string, without escapes and in one piece, to @p buf with room for `str_bytes`. */
void json_string_copy(const struct json_reader *reader, uint8_t *buf);

/** True when the last string is @p text. */
bool json_string_is(const struct json_reader *reader, const char *text);

/**
 * The last number as an unsigned integer.
 *
 * @return 0; AEF_ERR_MALFORMED: has a sign, fraction or exponent; AEF_ERR_RANGE: above @p max
 */
AEF_MUST_CHECK int json_number_u64(const struct json_reader *reader, uint64_t max,
                                   uint64_t *ret_value);

/**
 * Shortest decimal text that reads back as the same double, as ECMAScript and RFC 8785 write it;
 * minus zero is `0`.
 *
 * @param bits  the IEEE 754 binary64
 * @param text  written, not terminated
 * @return its length; 0 for NaN and infinities, which JSON cannot say
 */
unsigned json_f64_text(uint64_t bits, uint8_t text[JSON_F64_TEXT_MAX]);

struct json_writer {
	uint8_t *start;
	uint8_t *p;
	uint8_t *end;
	bool comma; /* a value stands before, in this container */
	bool full;  /* sticky: something did not fit */
};

/** Write into @p cap_bytes at @p buf. */
void json_writer_init(struct json_writer *writer, uint8_t *buf, size_t cap_bytes);

/** True when something did not fit; the output is then not to be used. */
static inline bool
json_writer_failed(const struct json_writer *writer)
{
	return writer->full;
}

/** Bytes written so far. */
static inline size_t
json_writer_bytes(const struct json_writer *writer)
{
	return (size_t)(writer->p - writer->start);
}

/** Begin or end a container; commas come by themselves. The caller keeps pairs and order. */
void json_write_object_begin(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array_begin(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);

/** Name of a member; its value must follow. @p utf8 must be valid UTF-8. */
void json_write_key(struct json_writer *writer, const char *utf8);

/** The same, of @p len bytes. */
void json_write_name(struct json_writer *writer, const uint8_t *utf8, size_t len);

/** String value, escaped as RFC 8785 says. @p utf8 must be valid UTF-8. */
void json_write_string(struct json_writer *writer, const uint8_t *utf8, size_t len);

/** Unsigned number. */
void json_write_u64(struct json_writer *writer, uint64_t value);

/** true or false. */
void json_write_bool(struct json_writer *writer, bool value);

/** null. */
void json_write_null(struct json_writer *writer);

/** A complete JSON value as it stands, for instance a number slice. Not checked. */
void json_write_raw(struct json_writer *writer, const uint8_t *json, size_t len);

/**
 * Write the value that begins with @p token, which @p reader has just returned, up to its end: the
 * same value in the shortest JSON text: no white space, strings as RFC 8785 escapes them, numbers
 * of JSON as they came, members in the order and number in which they came. A token that begins no
 * value is written alone, a JSON_TOK_KEY with its colon.
 *
 * The text of JSON is never longer than its source; of CBOR, at most 9 times as long.
 *
 * @return 0; @p token itself when it is an error; an error of json_next(); AEF_ERR_FULL: did not
 *         fit, the reader stands somewhere inside the value
 */
AEF_MUST_CHECK int json_transcode(struct json_writer *writer, struct json_reader *reader,
                                  int token);

#endif
