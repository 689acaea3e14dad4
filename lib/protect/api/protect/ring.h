/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/ring.h - token keys of one node group: which epochs a node accepts, which one issues.
 *
 * A ring is shared by all threads of a process: readers are providers (token_seal, token_open), the
 * one writer is the control thread. It holds at most the epochs e - 1, e and e + 1.
 *
 * On disk a ring is a folder (mode 0700), with a file for each group and epoch (mode 0600):
 *
 *   g00001-e00007.key      64 hexadecimal digits and a newline
 *   g00001-e00006.revoked  the same file, renamed: the epoch is refused and never used again
 *   g00001.current         the current epoch, decimal, and a newline
 *
 * Files are made under a temporary name, synced, renamed, and the folder is synced; it is locked
 * (flock) meanwhile. Names that look like these but are wrong are refused, others are left alone.
 * The folder and its files must belong to the user of the process, and to nobody else.
 *
 * Source:  docs/spec/quantum.md chapter 10; reference security, section 4.1.
 * Context: one writer; readers on any thread.
 */
#ifndef PROTECT_RING_H
#define PROTECT_RING_H

#include <base/defs.h>

#define PROTECT_RING_KEY_BYTES 32u
#define PROTECT_ERROR_MAX      256u

struct protect_ring;

enum protect_key_state {
	PROTECT_KEY_NONE,    /* not there */
	PROTECT_KEY_READY,   /* accepted, not issued under */
	PROTECT_KEY_CURRENT, /* accepted and issued under */
	PROTECT_KEY_REVOKED, /* refused for ever */
	PROTECT_KEY_PAST,    /* on disk, too old or too new to be accepted */
};

/** Its word, as people and programs read it: "none", "ready", "current", "revoked", "past". */
const char *protect_key_state_name(enum protect_key_state state);

/** An epoch as people write it. @return true when all of @p text is a number from 0 to 65535 */
bool protect_epoch_parse(const char *text, uint16_t *ret_epoch);

/**
 * Make a ring in memory with one random key, current epoch 1: for a node without a folder (lab,
 * tests, the echo listener), which issues and accepts its own tokens and forgets them at its end.
 *
 * @param ret_ring owned by the caller
 * @return 0, AEF_ERR_NOMEM, AEF_ERR_LIMIT (memory cannot be locked), AEF_ERR_IO (no random bytes)
 */
AEF_MUST_CHECK int protect_ring_create(uint16_t group, struct protect_ring **ret_ring);

/**
 * Read the ring of @p group from folder @p dir.
 *
 * @param ret_error one sentence that says what to do, on failure; PROTECT_ERROR_MAX bytes
 * @return 0; AEF_ERR_NOTFOUND: no folder, no current epoch or no key for it; AEF_ERR_INVALID: a
 * file has the wrong form; AEF_ERR_AUTH: owner or mode would let others read it; AEF_ERR_NOMEM;
 *         AEF_ERR_LIMIT; AEF_ERR_IO
 */
AEF_MUST_CHECK int protect_ring_open(const char *dir, uint16_t group,
                                     struct protect_ring **ret_ring,
                                     char ret_error[PROTECT_ERROR_MAX]);

/** Wipe and free; no provider uses it any more. NULL is accepted. */
void protect_ring_close(struct protect_ring *ring);

/**
 * Read the folder again. All or nothing: on failure the ring stays as it was. A ring without a
 * folder: AEF_ERR_STATE.
 */
AEF_MUST_CHECK int protect_ring_reload(struct protect_ring *ring,
                                       char ret_error[PROTECT_ERROR_MAX]);

/**
 * Refuse @p epoch from now on, in memory first, then on disk. When it is the current one, the next
 * epoch becomes current; it is made if it does not exist.
 *
 * @return 0; AEF_ERR_NOTFOUND: no such key; AEF_ERR_IO: refused in memory, but the folder could not
 *         be changed (said in @p ret_error)
 */
AEF_MUST_CHECK int protect_ring_revoke(struct protect_ring *ring, uint16_t epoch,
                                       char ret_error[PROTECT_ERROR_MAX]);

/** Group, current epoch, and the state of an epoch. Any thread. */
uint16_t protect_ring_group(const struct protect_ring *ring);
uint16_t protect_ring_current(const struct protect_ring *ring);
enum protect_key_state protect_ring_state(const struct protect_ring *ring, uint16_t epoch);

/* ---- the folder, for aetherctl ------------------------------------------------------------------
 */

/** Make the folder if need be, with the first key of @p group (epoch 1), current. AEF_ERR_EXISTS */
AEF_MUST_CHECK int protect_ring_dir_init(const char *dir, uint16_t group,
                                         char ret_error[PROTECT_ERROR_MAX]);

/** Make the key after the current epoch. AEF_ERR_EXISTS when it is there. */
AEF_MUST_CHECK int protect_ring_dir_add(const char *dir, uint16_t group, uint16_t *ret_epoch,
                                        char ret_error[PROTECT_ERROR_MAX]);

/** Make the epoch after the current one current, and remove the files of e - 2 and older. */
AEF_MUST_CHECK int protect_ring_dir_promote(const char *dir, uint16_t group, uint16_t *ret_epoch,
                                            char ret_error[PROTECT_ERROR_MAX]);

/** Revoke on disk, as protect_ring_revoke() does. Running nodes need `keys reload`. */
AEF_MUST_CHECK int protect_ring_dir_revoke(const char *dir, uint16_t group, uint16_t epoch,
                                           char ret_error[PROTECT_ERROR_MAX]);

struct protect_ring_entry {
	uint16_t group;
	uint16_t epoch;
	enum protect_key_state state;
};

/**
 * List what the folder holds, sorted by group and epoch.
 *
 * @return number of entries, at most @p max (more are left out), or an error as protect_ring_open()
 */
AEF_MUST_CHECK int protect_ring_dir_list(const char *dir, struct protect_ring_entry *ret_entries,
                                         unsigned max, char ret_error[PROTECT_ERROR_MAX]);

#endif
