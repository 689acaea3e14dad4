/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * folder.h - a key-ring folder of a test: made, filled, removed.
 */
#ifndef TESTS_UNIT_PROTECT_FOLDER_H
#define TESTS_UNIT_PROTECT_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

struct folder {
	char path[64];
};

static inline void
folder_make(struct folder *f)
{
	strcpy(f->path, P_tmpdir "/protect-ring-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->path)); /* mode 0700 */
}

static inline const char *
folder_file(const struct folder *f, const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return path;
}

static inline void
folder_put(const struct folder *f, const char *name, const char *text, mode_t mode)
{
	const int fd = open(folder_file(f, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* A key file whose key is @p digit over and over. */
static inline void
folder_put_key(const struct folder *f, const char *name, char digit)
{
	char text[66];

	memset(text, digit, 64);
	strcpy(text + 64, "\n");
	folder_put(f, name, text, 0600);
}

static inline bool
folder_has(const struct folder *f, const char *name)
{
	struct stat st;

	return lstat(folder_file(f, name), &st) == 0;
}

/* Contents of a file, terminated; empty when it is not there. */
static inline const char *
folder_get(const struct folder *f, const char *name)
{
	static char text[200];
	const int fd = open(folder_file(f, name), O_RDONLY);
	const ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static inline unsigned
folder_count(const struct folder *f)
{
	DIR *dir = opendir(f->path);
	unsigned nb = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		nb++;
	closedir(dir);
	return nb - 2; /* . and .. */
}

static inline void
folder_remove(const struct folder *f)
{
	DIR *dir = opendir(f->path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (unlink(folder_file(f, entry->d_name)) != 0)
			(void)rmdir(folder_file(f, entry->d_name));
	}
	closedir(dir);
	ck_assert_int_eq(rmdir(f->path), 0);
}

#endif
