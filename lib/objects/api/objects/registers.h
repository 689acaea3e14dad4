/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects/registers.h - a JSON value as a set of registers, changed by merge patches: the last
 * writer in server order wins, for each register by itself.
 *
 * A register is a leaf of the value: a scalar, an array, or an object without members; its name is
 * the path of member names to it. A merge patch (RFC 7396) writes some of them. Each remembers the
 * version and the user of its last write, so an operation can say whose work it overwrites, and an
 * undo can leave alone what others have written since.
 *
 * A path is written as its names, each behind the byte REGISTERS_SEP; the root has no name.
 *
 * Leaves never change, so a copy costs a pointer for each. Whoever wants to look before leaping
 * patches a copy, compares the two (what was overwritten, what takes it back) and keeps one of
 * them. The same patches in the same order give the same bytes everywhere.
 *
 * Values keep the client's digits of numbers and its order inside arrays; white space goes, strings
 * and the order of members are those of RFC 8785.
 *
 * Source:  DESIGN 5; reference "State synchronisation" 3.5 to 3.7; RFC 7396, 8785.
 * Units:   bytes. Cost of a patch: O(registers + size of the patch); of memory: about 48 bytes and
 *          path and value for each register.
 * Context: the worker that owns the document; pure.
 */
#ifndef OBJECTS_REGISTERS_H
#define OBJECTS_REGISTERS_H

#include <base/alloc.h>
#include <base/err.h>
#include <base/guuid.h>
#include <json/json.h>

#define REGISTERS_MAX      4096u /* registers of one value */
#define REGISTERS_PATH_MAX 512u  /* bytes of a path */
#define REGISTERS_SEP      0xffu /* before each name of a path: no byte of UTF-8 */

struct registers_leaf;

struct registers {
	struct registers_leaf **leaves; /* in order of their paths; owned */
	uint32_t nb, cap;
};

/* Who writes, and when. */
struct registers_stamp {
	uint64_t version;
	struct aef_guuid user;
};

/* A register that was overwritten or removed. Borrowed for the call. */
struct registers_overwrite {
	const uint8_t *path; /* names, each behind REGISTERS_SEP; the root: none */
	uint32_t path_len;
	const uint8_t *before; /* JSON text */
	uint32_t before_len;
	const uint8_t *after; /* JSON text; NULL: removed, or replaced by another shape */
	uint32_t after_len;
	struct registers_stamp written; /* by whom it was written, and when */
};

/** A value that does not exist: no register. */
void registers_init(struct registers *regs);

/** Give the memory back. */
void registers_fini(struct registers *regs, struct aef_alloc *alloc);

/** A second one with the same leaves. 0, or AEF_ERR_FULL: memory (then @p ret_copy has none). */
AEF_MUST_CHECK int registers_copy(const struct registers *regs, struct aef_alloc *alloc,
                                  struct registers *ret_copy);

/**
 * Take a whole value in, the next one of @p reader, in which null is a value: for content that a
 * document begins with.
 *
 * @param regs no register
 * @return as registers_patch()
 */
AEF_MUST_CHECK int registers_load(struct registers *regs, struct aef_alloc *alloc,
                                  struct json_reader *reader, const struct registers_stamp *stamp);

/**
 * Read a merge patch, the next value of @p reader, and make it so.
 *
 * @param undo_from 0; else this patch is an undo of version @p undo_from: it does not touch what
 *                  another user wrote after it
 * @return 0; AEF_ERR_MALFORMED: no JSON, or a name twice in one object; AEF_ERR_UNSUPPORTED: CBOR
 *         that is no JSON; AEF_ERR_LIMIT: REGISTERS_MAX, REGISTERS_PATH_MAX or too deep;
 *         AEF_ERR_FULL: memory. On error @p regs is as it was; the reader stands anywhere.
 */
AEF_MUST_CHECK int registers_patch(struct registers *regs, struct aef_alloc *alloc,
                                   struct json_reader *reader, const struct registers_stamp *stamp,
                                   uint64_t undo_from);

/** True when both have the same value, whoever wrote it. */
bool registers_same(const struct registers *a, const struct registers *b);

/** Call @p visit for each register that has another value, or none, in @p after. */
void registers_overwrites(const struct registers *before, const struct registers *after,
                          void (*visit)(void *ctx, const struct registers_overwrite *what),
                          void *ctx);

/**
 * Write the merge patch that leads from @p after back to @p before.
 *
 * @return false: they have the same value (then nothing is written)
 */
bool registers_inverse(const struct registers *before, const struct registers *after,
                       struct json_writer *writer);

/** Write the value; it must exist. */
void registers_write(const struct registers *regs, struct json_writer *writer);

/**
 * The register at a path.
 *
 * @return its JSON text, borrowed until the next commit; NULL: there is none
 */
const uint8_t *registers_get(const struct registers *regs, const uint8_t *path, uint32_t path_len,
                             uint32_t *ret_len, struct registers_stamp *ret_written);

#endif
