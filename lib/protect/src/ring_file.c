/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_file.c - files of a key-ring folder.
 *
 * A file is either there whole or not at all: it is written under another name, synced, renamed,
 * and the folder is synced. What others could have read or changed is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <crypto/provider.h>

#include "ring_file_priv.h"

#define KEY_FILE_BYTES     (2 * PROTECT_RING_KEY_BYTES + 1)
#define CURRENT_FILE_BYTES 7 /* "65535\n" and one more, to see that it is longer */
#define LOCK_TRIES         100
#define LOCK_WAIT_NS       10000000

int
protect_folder_fail(const struct protect_folder *folder, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(folder->error, PROTECT_ERROR_MAX, format, args); /* cut if too long */
	va_end(args);
	return rc;
}

/* Owner and mode: others must not be able to read it or to put another in its place. */
static int
check_access(const struct protect_folder *folder, const struct stat *st, const char *what,
             const char *mode)
{
	if (st->st_uid != geteuid())
		return protect_folder_fail(folder, AEF_ERR_AUTH,
		                           "%.120s belongs to user %u, this is user %u: run as its "
		                           "owner, or chown it",
		                           what, (unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return protect_folder_fail(
			folder, AEF_ERR_AUTH,
			"%.120s has mode %04o, others can get at it: run chmod %s "
			"on it, and replace its keys if somebody did",
			what, (unsigned)st->st_mode & 07777, mode);
	return 0;
}

/* A holder works for milliseconds; one that hangs must not hang a node's control thread. */
static int
lock(int fd, int operation)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		const struct timespec wait = { .tv_nsec = LOCK_WAIT_NS };

		if (flock(fd, operation | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		(void)nanosleep(&wait, NULL);
	}
	return -1;
}

int
protect_folder_open(const char *dir, bool change, char *error, struct protect_folder *ret_folder)
{
	struct stat st;
	int rc;

	ret_folder->error = error;
	ret_folder->fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret_folder->fd < 0 && errno == ENOENT)
		return protect_folder_fail(ret_folder, AEF_ERR_NOTFOUND,
		                           "there is no key-ring folder %.120s: make it with "
		                           "`aetherctl keys init`, or correct the path",
		                           dir);
	if (ret_folder->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return protect_folder_fail(ret_folder, AEF_ERR_INVALID,
		                           "%.120s is not a folder (a link is not accepted): give "
		                           "the path of the key-ring folder itself",
		                           dir);
	if (ret_folder->fd < 0)
		return protect_folder_fail(ret_folder, AEF_ERR_IO,
		                           "cannot open the key-ring folder %.120s (%s): correct "
		                           "the path or its permissions",
		                           dir, strerror(errno));
	if (fstat(ret_folder->fd, &st) != 0)
		rc = protect_folder_fail(ret_folder, AEF_ERR_IO,
		                         "cannot examine the key-ring folder (%s): check its disk",
		                         strerror(errno));
	else if ((rc = check_access(ret_folder, &st, dir, "0700")) == 0 &&
	         lock(ret_folder->fd, change ? LOCK_EX : LOCK_SH) != 0)
		rc = protect_folder_fail(ret_folder, AEF_ERR_IO,
		                         "another process keeps the key-ring folder locked: wait "
		                         "for its end and try again");
	if (rc != 0)
		protect_folder_close(ret_folder);
	return rc;
}

void
protect_folder_close(struct protect_folder *folder)
{
	if (folder->fd >= 0)
		(void)close(folder->fd); /* nothing was written through it */
	folder->fd = -1;
}

/* Exactly five digits at @p *text, up to 65535; moves behind them. */
static bool
five_digits(const char **text, uint16_t *ret_value)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 5; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		value = 10 * value + (uint32_t)(**text - '0');
	}
	*ret_value = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool
ends_with(const char *name, const char *end)
{
	const size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

enum protect_file_kind
protect_file_parse(const char *name, uint16_t *ret_group, uint16_t *ret_epoch)
{
	const char *at = name;

	if (name[0] == '.' || (!ends_with(name, ".key") && !ends_with(name, ".revoked") &&
	                       !ends_with(name, ".current")))
		return PROTECT_FILE_OTHER;
	if (*at++ != 'g' || !five_digits(&at, ret_group))
		return PROTECT_FILE_BROKEN;
	if (strcmp(at, ".current") == 0)
		return PROTECT_FILE_CURRENT;
	if (at[0] != '-' || at[1] != 'e')
		return PROTECT_FILE_BROKEN;
	at += 2;
	if (!five_digits(&at, ret_epoch))
		return PROTECT_FILE_BROKEN;
	if (strcmp(at, ".key") == 0)
		return PROTECT_FILE_KEY;
	return strcmp(at, ".revoked") == 0 ? PROTECT_FILE_REVOKED : PROTECT_FILE_BROKEN;
}

void
protect_file_name(enum protect_file_kind kind, uint16_t group, uint16_t epoch,
                  char ret_name[PROTECT_FILE_NAME_MAX])
{
	if (kind == PROTECT_FILE_CURRENT)
		(void)snprintf(ret_name, PROTECT_FILE_NAME_MAX, "g%05u.current", group);
	else
		(void)snprintf(ret_name, PROTECT_FILE_NAME_MAX, "g%05u-e%05u.%s", group, epoch,
		               kind == PROTECT_FILE_KEY ? "key" : "revoked");
}

/*
 * Read up to @p max bytes of a file that only we can read: a pipe, a device, a link or a second
 * name of a file elsewhere is refused.
 *
 * @return how many, or an error with a sentence; AEF_ERR_NOTFOUND has none
 */
static int
read_file(const struct protect_folder *folder, const char *name, uint8_t *ret, size_t max)
{
	const int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t nb = 0;
	ssize_t n = 1;
	int rc = 0;

	if (fd < 0 && errno == ENOENT)
		return AEF_ERR_NOTFOUND;
	if (fd < 0 && errno == ELOOP)
		return protect_folder_fail(folder, AEF_ERR_INVALID,
		                           "%s is a link: put the file itself in its place", name);
	if (fd < 0)
		return protect_folder_fail(folder, AEF_ERR_IO, "cannot open %s (%s): check it",
		                           name, strerror(errno));
	if (fstat(fd, &st) != 0)
		rc = protect_folder_fail(folder, AEF_ERR_IO,
		                         "cannot examine %s (%s): check its disk", name,
		                         strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		rc = protect_folder_fail(folder, AEF_ERR_INVALID,
		                         "%s is not a plain file with one name: put a copy of its "
		                         "own in its place",
		                         name);
	else
		rc = check_access(folder, &st, name, "0600");
	while (rc == 0 && n > 0 && nb < max) {
		n = read(fd, ret + nb, max - nb);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			rc = protect_folder_fail(folder, AEF_ERR_IO,
			                         "cannot read %s (%s): check its disk", name,
			                         strerror(errno));
		else
			nb += (size_t)n;
	}
	(void)close(fd); /* read only */
	return rc != 0 ? rc : (int)nb;
}

/* Value of a hexadecimal digit; 16: it is none. No table: the time says nothing of the key. */
static unsigned
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10u;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10u : 16;
}

/* 64 digits and a newline; a key of zeros is a file that was never filled. */
static bool
key_decode(const uint8_t text[KEY_FILE_BYTES], uint8_t ret_key[PROTECT_RING_KEY_BYTES])
{
	unsigned any = 0, bad = text[KEY_FILE_BYTES - 1] != '\n';

	for (unsigned i = 0; i < PROTECT_RING_KEY_BYTES; i++) {
		const unsigned hi = hex_value(text[2 * i]), lo = hex_value(text[2 * i + 1]);

		bad |= (hi | lo) & 16;
		ret_key[i] = (uint8_t)(hi << 4 | lo);
		any |= hi | lo;
	}
	return bad == 0 && any != 0;
}

int
protect_file_read_named(const struct protect_folder *folder, const char *name,
                        uint8_t ret_key[PROTECT_RING_KEY_BYTES])
{
	uint8_t text[KEY_FILE_BYTES + 1];
	int rc = read_file(folder, name, text, sizeof(text));

	if (rc == AEF_ERR_NOTFOUND) {
		(void)protect_folder_fail(folder, rc, "there is no key file %s: put it there",
		                          name);
	} else if (rc >= 0) {
		const bool good = rc == (int)KEY_FILE_BYTES && key_decode(text, ret_key);

		rc = good ? 0
		          : protect_folder_fail(
				    folder, AEF_ERR_INVALID,
				    "%s is not 64 hexadecimal digits and a newline, not "
				    "all zero: put the right file in its place",
				    name);
	}
	if (rc != 0)
		crypto_wipe(ret_key, PROTECT_RING_KEY_BYTES);
	crypto_wipe(text, sizeof(text));
	return rc;
}

int
protect_file_read_key(const struct protect_folder *folder, uint16_t group, uint16_t epoch,
                      uint8_t ret_key[PROTECT_RING_KEY_BYTES])
{
	char name[PROTECT_FILE_NAME_MAX];

	protect_file_name(PROTECT_FILE_KEY, group, epoch, name);
	return protect_file_read_named(folder, name, ret_key);
}

int
protect_file_read_current(const struct protect_folder *folder, uint16_t group, uint16_t *ret_epoch)
{
	char name[PROTECT_FILE_NAME_MAX];
	uint8_t text[CURRENT_FILE_BYTES] = { 0 };
	uint32_t value = 0;
	int at = 0;

	protect_file_name(PROTECT_FILE_CURRENT, group, 0, name);
	const int nb = read_file(folder, name, text, sizeof(text));

	if (nb < 0)
		return nb;
	while (at < nb && at < 5 && text[at] >= '0' && text[at] <= '9')
		value = 10 * value + (uint32_t)(text[at++] - '0');
	if (at == 0 || at + 1 != nb || text[at] != '\n' || value > UINT16_MAX)
		return protect_folder_fail(folder, AEF_ERR_INVALID,
		                           "%s is not a number of 0 to 65535 and a newline: write "
		                           "the current epoch into it",
		                           name);
	*ret_epoch = (uint16_t)value;
	return 0;
}

static int
sync_folder(const struct protect_folder *folder)
{
	if (fsync(folder->fd) == 0)
		return 0;
	return protect_folder_fail(folder, AEF_ERR_IO,
	                           "cannot sync the key-ring folder (%s): check its disk, then "
	                           "look at the folder before you go on",
	                           strerror(errno));
}

/* Everything of @p bytes into @p fd, and down to the disk. @return 0 or -1 with errno */
static int
write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* The folder is locked, so the temporary name is ours; what a crash left of it is removed. */
static int
write_file(const struct protect_folder *folder, const char *name, const uint8_t *bytes, size_t len)
{
	char tmp[PROTECT_FILE_NAME_MAX + 8];
	int rc = -1;

	(void)snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	if (unlinkat(folder->fd, tmp, 0) != 0 && errno != ENOENT)
		return protect_folder_fail(folder, AEF_ERR_IO, "cannot remove %s (%s): remove it",
		                           tmp, strerror(errno));
	const int fd = openat(folder->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                      S_IRUSR | S_IWUSR);

	if (fd >= 0) {
		/* The mode once more: a umask may have taken from it. */
		rc = fchmod(fd, S_IRUSR | S_IWUSR) == 0 ? write_all(fd, bytes, len) : -1;
		if (close(fd) != 0)
			rc = -1;
		if (rc == 0)
			rc = renameat(folder->fd, tmp, folder->fd, name);
	}
	if (rc == 0)
		return sync_folder(folder);
	const int err = errno;

	if (fd >= 0)
		(void)unlinkat(folder->fd, tmp, 0); /* if that fails, the next write removes it */
	return protect_folder_fail(folder, AEF_ERR_IO,
	                           "cannot write %s (%s): make room or give write permission, then "
	                           "try again",
	                           name, strerror(err));
}

int
protect_file_write_named(const struct protect_folder *folder, const char *name,
                         const uint8_t key[PROTECT_RING_KEY_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t text[KEY_FILE_BYTES];
	struct stat st;

	if (fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return protect_folder_fail(folder, AEF_ERR_EXISTS,
		                           "%s is there already: use it, or revoke it first", name);
	for (unsigned i = 0; i < PROTECT_RING_KEY_BYTES; i++) {
		text[2 * i] = (uint8_t)digits[key[i] >> 4];
		text[2 * i + 1] = (uint8_t)digits[key[i] & 15];
	}
	text[KEY_FILE_BYTES - 1] = '\n';
	const int rc = write_file(folder, name, text, sizeof(text));

	crypto_wipe(text, sizeof(text));
	return rc;
}

int
protect_file_write_key(const struct protect_folder *folder, uint16_t group, uint16_t epoch,
                       const uint8_t key[PROTECT_RING_KEY_BYTES])
{
	char name[PROTECT_FILE_NAME_MAX];

	protect_file_name(PROTECT_FILE_KEY, group, epoch, name);
	return protect_file_write_named(folder, name, key);
}

int
protect_file_write_current(const struct protect_folder *folder, uint16_t group, uint16_t epoch)
{
	char name[PROTECT_FILE_NAME_MAX], text[CURRENT_FILE_BYTES];

	protect_file_name(PROTECT_FILE_CURRENT, group, 0, name);
	const int len = snprintf(text, sizeof(text), "%u\n", epoch);

	return write_file(folder, name, (const uint8_t *)text, (size_t)len);
}

int
protect_file_revoke(const struct protect_folder *folder, uint16_t group, uint16_t epoch)
{
	char from[PROTECT_FILE_NAME_MAX], to[PROTECT_FILE_NAME_MAX];

	protect_file_name(PROTECT_FILE_KEY, group, epoch, from);
	protect_file_name(PROTECT_FILE_REVOKED, group, epoch, to);
	if (renameat(folder->fd, from, folder->fd, to) != 0)
		return protect_folder_fail(folder, AEF_ERR_IO,
		                           "cannot rename %s to %s (%s): give write permission, "
		                           "then revoke again",
		                           from, to, strerror(errno));
	return sync_folder(folder);
}

int
protect_file_remove_key(const struct protect_folder *folder, uint16_t group, uint16_t epoch)
{
	char name[PROTECT_FILE_NAME_MAX];
	uint8_t text[KEY_FILE_BYTES];
	struct stat st;

	protect_file_name(PROTECT_FILE_KEY, group, epoch, name);
	memset(text, '0', sizeof(text));
	const int fd = openat(folder->fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	/* A best effort: a disk may keep the old block. The file goes either way. */
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
			(void)write_all(fd, text, sizeof(text));
		(void)close(fd);
	}
	if (unlinkat(folder->fd, name, 0) != 0)
		return protect_folder_fail(folder, AEF_ERR_IO,
		                           "cannot remove %s (%s): remove it, it is no longer used",
		                           name, strerror(errno));
	return sync_folder(folder);
}
