/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "trace.h"

#define FILE_MAX (1u << 30)

int
lab_file_read(const char *path, char **ret_data, size_t *ret_len, struct aef_text *ret_error)
{
	size_t cap = 1u << 20, len = 0;
	char *data = malloc(cap);
	int n, end = Z_OK, saved;
	gzFile in;

	errno = 0;
	in = gzopen(path, "rb"); /* reads plain files as they are */
	if (in == NULL || data == NULL) {
		aef_text_printf(ret_error, "Cannot read the trace %s: %s; check the name.", path,
		                errno != 0 ? strerror(errno) : "no memory");
		goto fail;
	}
	while ((n = gzread(in, data + len, (unsigned)(cap - len))) > 0) {
		len += (size_t)n;
		if (len < cap)
			continue;
		char *more = cap < FILE_MAX ? realloc(data, cap * 2) : NULL;

		if (more == NULL) {
			aef_text_printf(ret_error,
			                "The trace %s is larger than 1 GiB or than "
			                "memory; use a smaller one.",
			                path);
			goto fail;
		}
		data = more;
		cap *= 2;
	}
	saved = errno;
	(void)gzerror(in, &end);
	if (end == Z_ERRNO) {
		aef_text_printf(ret_error, "Cannot read the trace %s: %s; give a file.", path,
		                saved == EISDIR ? "it is a folder" : strerror(saved));
		goto fail;
	}
	if (n < 0 || end != Z_OK) {
		aef_text_printf(ret_error,
		                "Cannot read the trace %s: its gzip data is damaged; "
		                "fetch it again.",
		                path);
		goto fail;
	}
	(void)gzclose(in); /* read only: nothing can be lost */
	*ret_data = data;
	*ret_len = len;
	return 0;
fail:
	if (in != NULL)
		(void)gzclose(in);
	free(data);
	return AEF_ERR_IO;
}
