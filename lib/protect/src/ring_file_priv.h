/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_file_priv.h - files of a key-ring folder: names, checks, reading, writing whole.
 *
 * Source:  open(2), rename(2), fsync(2), flock(2); protect/ring.h for the form of the files.
 * Context: control thread and aetherctl; every call makes system calls.
 */
#ifndef PROTECT_RING_FILE_PRIV_H
#define PROTECT_RING_FILE_PRIV_H

#include "ring_priv.h"

enum protect_file_kind {
	PROTECT_FILE_OTHER,   /* none of ours */
	PROTECT_FILE_KEY,     /* gGGGGG-eEEEEE.key */
	PROTECT_FILE_REVOKED, /* gGGGGG-eEEEEE.revoked */
	PROTECT_FILE_CURRENT, /* gGGGGG.current */
	PROTECT_FILE_BROKEN,  /* ends like one of ours, but the rest is wrong */
};

/** Longest name of ours, with ".tmp" in front of it and NUL. */
#define PROTECT_FILE_NAME_MAX 32u

/** An open folder. */
struct protect_folder {
	int fd;
	char *error; /* PROTECT_ERROR_MAX bytes of the caller */
};

/** Write one sentence to @p folder->error. @return @p rc, so that one line says and returns */
AEF_PRINTF(3, 4)
int protect_folder_fail(const struct protect_folder *folder, int rc, const char *format, ...);

/**
 * Open and lock folder @p dir: owner and mode are checked, links are not followed.
 *
 * @param change take the lock of a writer (there is one at a time), else that of a reader
 * @param error  PROTECT_ERROR_MAX bytes, kept for later calls
 */
AEF_MUST_CHECK int protect_folder_open(const char *dir, bool change, char *error,
                                       struct protect_folder *ret_folder);

/** Unlock and close. */
void protect_folder_close(struct protect_folder *folder);

/** What @p name is; group and epoch are written where the kind has them. */
enum protect_file_kind protect_file_parse(const char *name, uint16_t *ret_group,
                                          uint16_t *ret_epoch);

/** Name of a file of ours. */
void protect_file_name(enum protect_file_kind kind, uint16_t group, uint16_t epoch,
                       char ret_name[PROTECT_FILE_NAME_MAX]);

/** Read a key; owner, mode, kind of file and form are checked. */
AEF_MUST_CHECK int protect_file_read_key(const struct protect_folder *folder, uint16_t group,
                                         uint16_t epoch, uint8_t ret_key[PROTECT_RING_KEY_BYTES]);

/** The same for a file of any name, at most PROTECT_FILE_NAME_MAX bytes. */
AEF_MUST_CHECK int protect_file_read_named(const struct protect_folder *folder, const char *name,
                                           uint8_t ret_key[PROTECT_RING_KEY_BYTES]);

/** Read the current epoch. AEF_ERR_NOTFOUND without a sentence when there is none. */
AEF_MUST_CHECK int protect_file_read_current(const struct protect_folder *folder, uint16_t group,
                                             uint16_t *ret_epoch);

/** Write a key whole and durable; it must not be there yet. */
AEF_MUST_CHECK int protect_file_write_key(const struct protect_folder *folder, uint16_t group,
                                          uint16_t epoch,
                                          const uint8_t key[PROTECT_RING_KEY_BYTES]);

/** The same for a file of any name, at most PROTECT_FILE_NAME_MAX bytes. */
AEF_MUST_CHECK int protect_file_write_named(const struct protect_folder *folder, const char *name,
                                            const uint8_t key[PROTECT_RING_KEY_BYTES]);

/** Write the current epoch whole and durable. */
AEF_MUST_CHECK int protect_file_write_current(const struct protect_folder *folder, uint16_t group,
                                              uint16_t epoch);

/** Rename KEY to REVOKED, durable. */
AEF_MUST_CHECK int protect_file_revoke(const struct protect_folder *folder, uint16_t group,
                                       uint16_t epoch);

/** Overwrite and remove a key, durable. */
AEF_MUST_CHECK int protect_file_remove_key(const struct protect_folder *folder, uint16_t group,
                                           uint16_t epoch);

#endif
