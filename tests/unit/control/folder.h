/* SPDX-License-Identifier: BSD-3-Clause */
/* folder.h - a folder of its own for a test, and small files in it. */
#ifndef TESTS_UNIT_CONTROL_FOLDER_H
#define TESTS_UNIT_CONTROL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* Make it, path in `folder`; remove it with the files that tests make. */
void folder_make(void);
void folder_remove(void);

/* "folder/name", static storage, one for each of four calls in a row. */
const char *folder_path(const char *name);

void folder_write(const char *name, const void *data, size_t len);
void folder_append(const char *name, const void *data, size_t len);
/* Whole file, NUL-terminated, to be freed. */
char *folder_read(const char *name, size_t *ret_len);

#endif
