/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/siphash.h>
#include <json/names.h>

#include "json_priv.h"

#define NONE UINT32_MAX

void
json_names_init(struct json_names *names, struct json_name *room, uint32_t names_max,
                const uint8_t key[16])
{
	aef_assert(names_max > 0 && names_max < NONE);
	names->names = room;
	names->names_max = names_max;
	names->nb_names = 0;
	memcpy(names->key, key, sizeof(names->key));
	for (uint32_t i = 0; i < names_max; i++)
		room[i].first = NONE;
}

static uint32_t
hash_of(const struct json_names *names, struct json_cursor cursor)
{
	struct aef_siphash sip;
	const uint8_t *piece;
	size_t len;

	aef_siphash_init(&sip, names->key, false);
	while ((len = json_cursor_next(&cursor, &piece)) > 0)
		aef_siphash_update(&sip, piece, len);
	return (uint32_t)aef_siphash_final64(&sip);
}

/* True when two strings of the same length are equal; their pieces may be cut differently. */
static bool
same(struct json_cursor a, struct json_cursor b)
{
	const uint8_t *pa = NULL, *pb = NULL;
	size_t na = 0, nb = 0;

	for (;;) {
		if (na == 0)
			na = json_cursor_next(&a, &pa);
		if (nb == 0)
			nb = json_cursor_next(&b, &pb);
		if (na == 0 || nb == 0)
			return na == nb;
		const size_t len = na < nb ? na : nb;

		if (memcmp(pa, pb, len) != 0)
			return false;
		pa += len;
		pb += len;
		na -= len;
		nb -= len;
	}
}

/* Where the newest name of the bucket of @p hash stands. */
static uint32_t *
bucket(const struct json_names *names, uint32_t hash)
{
	return &names->names[(uint64_t)hash * names->names_max >> 32].first;
}

static int
add(struct json_names *names, const struct json_reader *reader)
{
	struct json_cursor cursor, other;
	struct json_name *name;
	uint32_t hash;

	json_cursor_init(&cursor, reader->slice, reader->slice_bytes, reader->str_bytes,
	                 reader->is_cbor);
	hash = hash_of(names, cursor);
	for (uint32_t i = *bucket(names, hash); i != NONE; i = name->next) {
		name = &names->names[i];
		if (name->hash != hash || name->depth != reader->depth ||
		    name->str_bytes != reader->str_bytes)
			continue;
		json_cursor_init(&other, name->slice, name->slice_bytes, name->str_bytes,
		                 reader->is_cbor);
		if (same(cursor, other))
			return AEF_ERR_DUPLICATE;
	}
	if (names->nb_names == names->names_max)
		return AEF_ERR_FULL;
	name = &names->names[names->nb_names];
	name->slice = reader->slice;
	name->slice_bytes = reader->slice_bytes;
	name->str_bytes = reader->str_bytes;
	name->hash = hash;
	name->depth = reader->depth;
	name->next = *bucket(names, hash);
	*bucket(names, hash) = names->nb_names++;
	return 0;
}

int
json_names_check(struct json_names *names, const struct json_reader *reader, int token)
{
	if (token == JSON_TOK_KEY)
		return add(names, reader);
	if (token != JSON_TOK_OBJECT_END)
		return 0;
	/* The names of this object are the newest ones, each the first of its bucket in its turn.
	 */
	while (names->nb_names > 0 && names->names[names->nb_names - 1].depth > reader->depth) {
		const struct json_name *name = &names->names[--names->nb_names];

		*bucket(names, name->hash) = name->next;
	}
	return 0;
}
