/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/ring_fuzz.c - names and contents of the files of a key-ring folder.
 *
 * Input: what 1, then bytes: a file name; the bytes of a key file; those of the current epoch's; or
 * a whole folder: a few files, each of a name made of two numbers (or spelt out), a mode and bytes.
 * The folder stands in memory (/dev/shm), is of this process, and is empty again after each input.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/bytes.h>
#include <base/err.h>

#include "ring_file_priv.h"

#define FILES_MAX 6u
#define GROUP     7u

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static char dir[] = "/dev/shm/ring-fuzz-XXXXXX";
static struct protect_folder folder = { .fd = -1 };
static char error[PROTECT_ERROR_MAX];
static char names[FILES_MAX][64];
static unsigned nb_files;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
remove_folder(void)
{
	(void)rmdir(dir);
}

static void
put(const char *name, const uint8_t *bytes, size_t len, mode_t mode)
{
	const int fd = openat(folder.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0)
		return; /* a name that no file can have */
	must(len == 0 || write(fd, bytes, len) == (ssize_t)len);
	must(fchmod(fd, mode) == 0);
	(void)close(fd);
	must(nb_files < FILES_MAX);
	snprintf(names[nb_files++], sizeof(names[0]), "%s", name);
}

static void
clean(void)
{
	while (nb_files > 0)
		(void)unlinkat(folder.fd, names[--nb_files], 0);
}

/* A name that parses is the name that would be written. */
static void
name(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1), again[PROTECT_FILE_NAME_MAX];
	uint16_t group = 0, epoch = 0;

	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	const enum protect_file_kind kind = protect_file_parse(text, &group, &epoch);

	if (kind == PROTECT_FILE_KEY || kind == PROTECT_FILE_REVOKED ||
	    kind == PROTECT_FILE_CURRENT) {
		protect_file_name(kind, group, epoch, again);
		must(strcmp(text, again) == 0);
	}
	free(text);
}

/* A key that is read has exactly the form that is written, but for the case of its digits. */
static void
key(const uint8_t *bytes, size_t len)
{
	uint8_t value[PROTECT_RING_KEY_BYTES];
	char again[2 * PROTECT_RING_KEY_BYTES + 2];

	put("g00007-e00001.key", bytes, len, 0600);
	const int rc = protect_file_read_key(&folder, GROUP, 1, value);

	if (rc == 0) {
		for (unsigned i = 0; i < sizeof(value); i++)
			snprintf(again + (size_t)2 * i, 3, "%02x", value[i]);
		must(len == 2 * sizeof(value) + 1 && bytes[len - 1] == '\n');
		for (unsigned i = 0; i < 2 * sizeof(value); i++)
			must((bytes[i] | 0x20) == (uint8_t)again[i] ||
			     bytes[i] == (uint8_t)again[i]);
	} else {
		must(rc == AEF_ERR_INVALID && error[0] != '\0');
		for (unsigned i = 0; i < sizeof(value); i++)
			must(value[i] == 0); /* nothing of a broken one is handed on */
	}
}

static void
current(const uint8_t *bytes, size_t len)
{
	uint16_t epoch = 0;

	put("g00007.current", bytes, len, 0600);
	const int rc = protect_file_read_current(&folder, GROUP, &epoch);

	must(rc == 0 || (rc == AEF_ERR_INVALID && error[0] != '\0'));
	if (rc == 0)
		must(len <= 6 && strtoul((const char *)bytes, NULL, 10) == epoch);
}

/* A ring is usable as a whole or refused with a sentence; what it accepts is what lies there. */
static void
whole(struct aef_reader *r)
{
	static const uint8_t good[] = "00112233445566778899aabbccddeeff"
				      "00112233445566778899aabbccddeeff\n";
	struct protect_ring *ring = NULL;

	for (unsigned i = 0; i < FILES_MAX - 1 && aef_reader_left(r) > 0; i++) {
		const uint8_t how = aef_read_u8(r), number = aef_read_u8(r);
		const size_t len = aef_min_u64(how >> 5, aef_reader_left(r));
		const uint8_t *bytes = aef_read_bytes(r, len);
		const uint16_t group = (how & 16) != 0 ? 8 : GROUP;
		char text[PROTECT_FILE_NAME_MAX], decimal[8];

		protect_file_name(1 + how % 3, group, number, text);
		if ((how & 12) == 12 && len > 0) /* spoilt */
			text[bytes[0] % strlen(text)] ^= 1;
		snprintf(decimal, sizeof(decimal), "%u\n", number);
		if ((how & 12) == 4)
			put(text, bytes, len, 0600);
		else if (how % 3 == 2)
			put(text, (const uint8_t *)decimal, strlen(decimal), 0600);
		else
			put(text, good, sizeof(good) - 1, (how & 12) == 8 ? 0640 : 0600);
	}
	const int rc = protect_ring_open(dir, GROUP, &ring, error);

	must(rc <= 0 && (rc == 0) == (ring != NULL) && (rc == 0 || error[0] != '\0'));
	if (rc == 0) {
		const uint16_t now = protect_ring_current(ring);

		must(protect_ring_group(ring) == GROUP);
		must(protect_ring_state(ring, now) == PROTECT_KEY_CURRENT);
		must(protect_ring_reload(ring, error) == 0);
		must(protect_ring_current(ring) == now);
	}
	protect_ring_close(ring);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	struct aef_reader r = aef_reader_make(in, size);
	const uint8_t what = aef_read_u8(&r);
	const size_t len = aef_min_u64(aef_reader_left(&r), 100);

	if (folder.fd < 0) {
		must(mkdtemp(dir) != NULL);
		(void)atexit(remove_folder);
		folder = (struct protect_folder){
			.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .error = error
		};
		must(folder.fd >= 0);
	}
	error[0] = '\0';
	if (what % 4 == 0)
		name(r.p, len);
	else if (what % 4 == 1)
		key(r.p, len);
	else if (what % 4 == 2)
		current(r.p, len);
	else
		whole(&r);
	clean();
	return 0;
}
