/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/bytes.h - big-endian loads and stores, and two bounded cursors: one reads, one writes.
 *
 * A cursor never passes its end: the first access that would do so sets `err`, and every later one
 * is a no-op that returns 0. So a parser reads like the layout of its message and checks once.
 *
 * Source:  RFC 9000 section 16 (variable-length integers).
 * Units:   every length is in bytes.
 * Context: anywhere; the memory behind a cursor is borrowed.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <string.h>

#include <base/defs.h>

#define AEF_VARINT_MAX ((1ull << 62) - 1)

static inline uint16_t
aef_load_be16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t
aef_load_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t
aef_load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline void
aef_store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
aef_store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
aef_store_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

/** Bytes a variable-length integer takes: 1, 2, 4 or 8. @p v must be at most AEF_VARINT_MAX. */
static inline unsigned
aef_varint_len(uint64_t v)
{
	return v < (1u << 6) ? 1 : v < (1u << 14) ? 2 : v < (1u << 30) ? 4 : 8;
}

struct aef_reader {
	const uint8_t *p;
	const uint8_t *end;
	bool err; /* sticky: an access went past the end */
};

static inline struct aef_reader
aef_reader_make(const uint8_t *data, size_t len)
{
	return (struct aef_reader){ .p = data, .end = data + len, .err = false };
}

static inline size_t
aef_reader_left(const struct aef_reader *r)
{
	return (size_t)(r->end - r->p);
}

/** Pointer to the next @p len bytes, which are then consumed; NULL past the end. */
static inline const uint8_t *
aef_read_bytes(struct aef_reader *r, size_t len)
{
	if (aef_unlikely(aef_reader_left(r) < len)) {
		r->err = true;
		r->p = r->end;
		return NULL;
	}
	const uint8_t *at = r->p;

	r->p += len;
	return at;
}

static inline uint8_t
aef_read_u8(struct aef_reader *r)
{
	const uint8_t *p = aef_read_bytes(r, 1);

	return p != NULL ? *p : 0;
}

static inline uint16_t
aef_read_be16(struct aef_reader *r)
{
	const uint8_t *p = aef_read_bytes(r, 2);

	return p != NULL ? aef_load_be16(p) : 0;
}

static inline uint32_t
aef_read_be32(struct aef_reader *r)
{
	const uint8_t *p = aef_read_bytes(r, 4);

	return p != NULL ? aef_load_be32(p) : 0;
}

static inline uint64_t
aef_read_be64(struct aef_reader *r)
{
	const uint8_t *p = aef_read_bytes(r, 8);

	return p != NULL ? aef_load_be64(p) : 0;
}

/** Variable-length integer, 0 to AEF_VARINT_MAX; any of the encodings of a value is accepted. */
static inline uint64_t
aef_read_varint(struct aef_reader *r)
{
	if (aef_unlikely(r->p == r->end)) {
		r->err = true;
		return 0;
	}
	const unsigned len = 1u << (*r->p >> 6);
	const uint8_t *p = aef_read_bytes(r, len);

	if (p == NULL)
		return 0;
	switch (len) {
	case 1:
		return p[0] & 0x3f;
	case 2:
		return aef_load_be16(p) & 0x3fff;
	case 4:
		return aef_load_be32(p) & 0x3fffffff;
	default:
		return aef_load_be64(p) & AEF_VARINT_MAX;
	}
}

struct aef_writer {
	uint8_t *p;
	uint8_t *end;
	bool err; /* sticky: a write did not fit */
};

static inline struct aef_writer
aef_writer_make(uint8_t *data, size_t len)
{
	return (struct aef_writer){ .p = data, .end = data + len, .err = false };
}

static inline size_t
aef_writer_left(const struct aef_writer *w)
{
	return (size_t)(w->end - w->p);
}

/** Room for @p len bytes, which then count as written; NULL when they do not fit. */
static inline uint8_t *
aef_write_room(struct aef_writer *w, size_t len)
{
	if (aef_unlikely(aef_writer_left(w) < len)) {
		w->err = true;
		w->end = w->p;
		return NULL;
	}
	uint8_t *at = w->p;

	w->p += len;
	return at;
}

static inline void
aef_write_u8(struct aef_writer *w, uint8_t v)
{
	uint8_t *p = aef_write_room(w, 1);

	if (p != NULL)
		*p = v;
}

static inline void
aef_write_be16(struct aef_writer *w, uint16_t v)
{
	uint8_t *p = aef_write_room(w, 2);

	if (p != NULL)
		aef_store_be16(p, v);
}

static inline void
aef_write_be32(struct aef_writer *w, uint32_t v)
{
	uint8_t *p = aef_write_room(w, 4);

	if (p != NULL)
		aef_store_be32(p, v);
}

static inline void
aef_write_be64(struct aef_writer *w, uint64_t v)
{
	uint8_t *p = aef_write_room(w, 8);

	if (p != NULL)
		aef_store_be64(p, v);
}

static inline void
aef_write_bytes(struct aef_writer *w, const void *data, size_t len)
{
	uint8_t *p = aef_write_room(w, len);

	if (p != NULL && len > 0)
		memcpy(p, data, len);
}

/** Shortest encoding of @p v, which must be at most AEF_VARINT_MAX. */
static inline void
aef_write_varint(struct aef_writer *w, uint64_t v)
{
	switch (aef_varint_len(v)) {
	case 1:
		aef_write_u8(w, (uint8_t)v);
		break;
	case 2:
		aef_write_be16(w, (uint16_t)(v | 0x4000u));
		break;
	case 4:
		aef_write_be32(w, (uint32_t)(v | 0x80000000u));
		break;
	default:
		aef_write_be64(w, v | 0xc000000000000000ull);
		break;
	}
}

#endif
