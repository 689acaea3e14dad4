/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json/names.h - do the names of a JSON or CBOR object differ? In the caller's memory, as the
 * reader goes.
 *
 * Names are compared as strings, not as they were sent: "a" and "\u0061" are the same. The table
 * holds the names of the objects that are open, those of one object and of the ones around it; it
 * is a hash table under a secret key, so that a stranger cannot choose names that make it slow, and
 * equal hashes are compared byte by byte, so that the answer is exact.
 *
 * Source:  RFC 7493 section 2.3 (names within an object must be unique).
 * Context: as json/json.h; one thread per table. The input must stay where it is.
 */
#ifndef JSON_NAMES_H
#define JSON_NAMES_H

#include <json/json.h>

/* One name; fields are private. */
struct json_name {
	const uint8_t *slice; /* in the input */
	uint32_t slice_bytes;
	uint32_t str_bytes;
	uint32_t hash;
	uint32_t next;  /* index of an older name of the same bucket */
	uint32_t first; /* not of this name: index of the newest name of bucket i */
	uint8_t depth;
};

struct json_names {
	struct json_name *names; /* a stack, and beside it the heads of as many buckets */
	uint32_t names_max;
	uint32_t nb_names;
	uint8_t key[16];
};

/**
 * Begin with an empty table.
 *
 * @param names      table, written
 * @param room       memory for the names, borrowed as long as the table is used
 * @param names_max  how many names of open objects it holds; at least 1
 * @param key        16 secret bytes, copied
 */
void json_names_init(struct json_names *names, struct json_name *room, uint32_t names_max,
                     const uint8_t key[16]);

/**
 * Look at what json_next() has just returned; to be called for every token, errors excepted.
 *
 * @return 0; AEF_ERR_DUPLICATE: this JSON_TOK_KEY stands in its object already; AEF_ERR_FULL: there
 *         is no room for it, so nobody knows. After an error the table is to be begun again.
 */
AEF_MUST_CHECK int json_names_check(struct json_names *names, const struct json_reader *reader,
                                    int token);

#endif
