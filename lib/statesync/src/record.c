/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>

#include "record_priv.h"

/* Optional parts, in this order. */
#define RECORD_UNDO_OF  0x01u
#define RECORD_METADATA 0x02u
#define RECORD_UNDO     0x04u
#define RECORD_FLAGS    (RECORD_UNDO_OF | RECORD_METADATA | RECORD_UNDO)

static bool
is_known(uint8_t kind, uint8_t type)
{
	return kind >= RECORD_OPERATION && kind <= RECORD_RESOLUTION && type >= RECORD_CREATE &&
	       type <= RECORD_TEXT;
}

static uint32_t
part_bytes(const struct record_bytes *part)
{
	return part->len > 0 ? (uint32_t)aef_varint_len(part->len) + part->len : 0;
}

uint32_t
record_head_bytes(const struct record *rec)
{
	return RECORD_HEAD_BYTES + (rec->undo_of > 0 ? (uint32_t)aef_varint_len(rec->undo_of) : 0) +
	       part_bytes(&rec->metadata) + part_bytes(&rec->undo);
}

static void
part_write(struct aef_writer *w, const struct record_bytes *part)
{
	if (part->len == 0)
		return;
	aef_write_varint(w, part->len);
	aef_write_bytes(w, part->data, part->len);
}

int
record_head_encode(const struct record *rec, uint8_t *buf, size_t cap)
{
	struct aef_writer w = aef_writer_make(buf, cap);
	const uint32_t bytes = record_head_bytes(rec);

	if (!is_known(rec->kind, rec->type) || rec->undo_of > AEF_VARINT_MAX ||
	    rec->metadata.len > RECORD_METADATA_MAX)
		return AEF_ERR_INVALID;
	if (bytes > cap)
		return AEF_ERR_FULL;
	aef_write_u8(&w, RECORD_FORMAT);
	aef_write_u8(&w, rec->kind);
	aef_write_u8(&w, rec->type);
	aef_write_u8(&w, (uint8_t)((rec->undo_of > 0 ? RECORD_UNDO_OF : 0u) |
	                           (rec->metadata.len > 0 ? RECORD_METADATA : 0u) |
	                           (rec->undo.len > 0 ? RECORD_UNDO : 0u)));
	aef_write_bytes(&w, rec->user.b, AEF_GUUID_BYTES);
	aef_write_bytes(&w, rec->session.b, AEF_GUUID_BYTES);
	if (rec->undo_of > 0)
		aef_write_varint(&w, rec->undo_of);
	part_write(&w, &rec->metadata);
	part_write(&w, &rec->undo);
	return (int)bytes;
}

/* A part that the flags announce is not empty. */
static bool
part_read(struct aef_reader *r, uint64_t max, struct record_bytes *ret_part)
{
	const uint64_t len = aef_read_varint(r);

	if (len == 0 || len > max || len > aef_reader_left(r))
		return false;
	ret_part->data = aef_read_bytes(r, len);
	ret_part->len = (uint32_t)len;
	return ret_part->data != NULL;
}

int
record_decode(const uint8_t *data, uint32_t len, struct record *ret_rec)
{
	struct aef_reader r = aef_reader_make(data, len);
	struct record rec = { 0 };
	uint8_t flags;

	if (len < RECORD_HEAD_BYTES)
		return AEF_ERR_MALFORMED;
	if (aef_read_u8(&r) != RECORD_FORMAT)
		return data[0] > RECORD_FORMAT ? AEF_ERR_VERSION : AEF_ERR_MALFORMED;
	rec.kind = aef_read_u8(&r);
	rec.type = aef_read_u8(&r);
	flags = aef_read_u8(&r);
	if (!is_known(rec.kind, rec.type) || (flags & ~RECORD_FLAGS) != 0)
		return AEF_ERR_MALFORMED;
	memcpy(rec.user.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	memcpy(rec.session.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	if ((flags & RECORD_UNDO_OF) != 0 && (rec.undo_of = aef_read_varint(&r)) == 0)
		return AEF_ERR_MALFORMED;
	if ((flags & RECORD_METADATA) != 0 && !part_read(&r, RECORD_METADATA_MAX, &rec.metadata))
		return AEF_ERR_MALFORMED;
	if ((flags & RECORD_UNDO) != 0 && !part_read(&r, UINT32_MAX, &rec.undo))
		return AEF_ERR_MALFORMED;
	rec.op.len = (uint32_t)aef_reader_left(&r);
	/* Lengths in their shortest form only: one record has one encoding. */
	if (len - rec.op.len != record_head_bytes(&rec))
		return AEF_ERR_MALFORMED;
	rec.op.data = aef_read_bytes(&r, rec.op.len);
	*ret_rec = rec;
	return 0;
}
