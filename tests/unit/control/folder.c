/* SPDX-License-Identifier: BSD-3-Clause */
#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char folder[64];

void
folder_make(void)
{
	strcpy(folder, P_tmpdir "/aef-control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
}

void
folder_remove(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlink(folder_path(entry->d_name));
	closedir(dir);
	ck_assert_int_eq(rmdir(folder), 0);
}

const char *
folder_path(const char *name)
{
	static char paths[4][384];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void
put(const char *name, int flags, const void *data, size_t len)
{
	const int fd = open(folder_path(name), O_WRONLY | O_CREAT | flags, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

void
folder_write(const char *name, const void *data, size_t len)
{
	put(name, O_TRUNC, data, len);
}

void
folder_append(const char *name, const void *data, size_t len)
{
	put(name, O_APPEND, data, len);
}

char *
folder_read(const char *name, size_t *ret_len)
{
	const int fd = open(folder_path(name), O_RDONLY);
	struct stat st;
	char *data;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, data, (size_t)st.st_size), st.st_size);
	data[st.st_size] = '\0';
	if (ret_len != NULL)
		*ret_len = (size_t)st.st_size;
	close(fd);
	return data;
}
