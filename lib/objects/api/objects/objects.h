/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects/objects.h - the content of a whiteboard, a canvas or a sheet: objects under stable ids,
 * each a set of registers.
 *
 * An operation is {"o": {id: merge patch, ...}} or {"all": [such, ...]}; its type says what it may
 * do (see enum objects_type). It is begun (read, checked, and all its memory had), looked at, and
 * committed or given up; one at a time, all of it or nothing. Refused is refused with a reason.
 *
 *   create   new ids with a body; of an id that has this very body already: nothing
 *   update   any members; in a sheet also cells that are not there yet
 *   delete   null for each id; children of a deleted parent go too, and cells of a row or column
 *   move     x, y, parent, z; of a row or column: pos
 *   resize   x, y, w and h, all four; of a row or column: width, height
 *   style    members of the member style
 *
 * Deletion wins: an id that was deleted is gone, whatever comes later, but for the undo of its
 * deletion. `parent` names an object and makes no cycle. `z` and `pos` are fractional indices
 * (objects/frac.h); two siblings never have the same: the later one is given the key between it and
 * its right neighbour, which the caller is told. A cell's id is that of its row, ':', that of its
 * column.
 *
 * Source:  DESIGN 5; reference "State synchronisation" 3.5 and 3.6.
 * Units:   bytes. Cost: that of the registers touched; a delete looks at all objects where there
 * are parents or cells, a key that is taken likewise. Memory: about 200 bytes and its registers for
 * each object. Context: the worker that owns the document; pure.
 */
#ifndef OBJECTS_OBJECTS_H
#define OBJECTS_OBJECTS_H

#include <objects/frac.h>
#include <objects/registers.h>

#define OBJECTS_ID_MAX    64u /* bytes; at least 1; of a row or column without ':' */
#define OBJECTS_DEPTH_MAX 64u /* parents above one object */

enum objects_kind {
	OBJECTS_BOARD, /* whiteboard, canvas */
	OBJECTS_SHEET,
};

/* Same numbers as the types of operations in the protocol. */
enum objects_type {
	OBJECTS_CREATE = 1,
	OBJECTS_UPDATE,
	OBJECTS_DELETE,
	OBJECTS_MOVE,
	OBJECTS_RESIZE,
	OBJECTS_STYLE,
};

enum objects_reason {
	OBJECTS_OK,
	OBJECTS_MALFORMED,   /* not the form of an operation, or no JSON */
	OBJECTS_UNSUPPORTED, /* CBOR that is no JSON */
	OBJECTS_EXISTS,      /* create of an id that has another body */
	OBJECTS_GONE,        /* the id was deleted */
	OBJECTS_NOT_FOUND,   /* no such id, or no such parent, row or column */
	OBJECTS_MEMBER, /* a member that this type of operation may not write, or of no good value
	                 */
	OBJECTS_CYCLE,  /* it would be its own parent, or too deep */
	OBJECTS_KEY,    /* no fractional index, or none is left between the neighbours */
	OBJECTS_LIMIT,  /* objects, registers, length of an id or path */
	OBJECTS_MEMORY,
	OBJECTS_NB_REASONS,
};

struct objects_conf {
	enum objects_kind kind;
	uint32_t objects_max;    /* at least 1 */
	uint32_t tombstones_max; /* deleted ids remembered; the oldest are forgotten; at least 1 */
	uint64_t seed;           /* of the table: secret */
};

struct objects_op {
	enum objects_type type;
	struct registers_stamp stamp;
	uint64_t undo_from; /* 0; else it takes back (part of) that version: it is no type, deletes,
	                       creates and writes, and leaves alone registers that others wrote
	                       since */
};

struct objects;

/** A word for a reason, static storage. */
const char *objects_reason_name(enum objects_reason reason);

/** Nothing yet. @p alloc is kept. @return NULL: memory */
struct objects *objects_create(struct aef_alloc *alloc, const struct objects_conf *conf);

/** Give all memory back. NULL is accepted. */
void objects_destroy(struct objects *objs);

/**
 * Read an operation and work out what it changes.
 *
 * @param reader at the start of the operation
 * @return OBJECTS_OK: objects_commit() or objects_abandon() follows, nothing else but looking; else
 *         nothing has changed
 */
AEF_MUST_CHECK enum objects_reason objects_begin(struct objects *objs, const struct objects_op *op,
                                                 struct json_reader *reader);

/* One object that the operation changes. */
struct objects_change {
	const uint8_t *id;
	uint32_t id_len;
	const struct registers *before; /* NULL: there was none */
	const struct registers *after;  /* NULL: it goes */
};

/** Look at what has been begun, in the order in which it was first touched. */
void objects_changes(const struct objects *objs,
                     void (*visit)(void *ctx, const struct objects_change *change), void *ctx);

/**
 * Write the operation that takes back what has been begun, to be sent with undo_from.
 *
 * @return false: nothing would change (then the writer stands where it stood)
 */
bool objects_inverse(const struct objects *objs, struct json_writer *writer);

/**
 * Call @p visit for each fractional index that was not taken as it was sent.
 *
 * @param member "z" or "pos"
 */
void objects_rekeyed(const struct objects *objs,
                     void (*visit)(void *ctx, const uint8_t *id, uint32_t id_len,
                                   const char *member, const struct frac_key *key),
                     void *ctx);

/** Make it so, or forget it. */
void objects_commit(struct objects *objs);
void objects_abandon(struct objects *objs);

/** Objects there are. */
uint32_t objects_count(const struct objects *objs);

/** The object, or NULL; borrowed until the next operation. */
const struct registers *objects_get(const struct objects *objs, const uint8_t *id, uint32_t id_len);

/** Write all as {"o": {id: object, ...}}, ids in the order of RFC 8785. 0, or AEF_ERR_FULL: memory
 * for their order. Whether it fitted, the writer says. */
AEF_MUST_CHECK int objects_write(const struct objects *objs, struct json_writer *writer);

#endif
