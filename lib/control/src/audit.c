/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>

#include "audit_priv.h"

#define PATH_BYTES_MAX 4096u
#define TAIL_MAX       65536u /* of a file, searched for its last good line */

/* The file, and where its chain stands. */
struct state {
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t seq; /* of the last line; 0: none */
	struct audit_hash prev;
	bool newline_owed;   /* the last line is whole but for its newline */
	uint64_t torn_bytes; /* behind the last line; a gap record must account for them */
	struct aef_sha256 torn;
};

struct control_audit {
	struct control_audit_conf conf;
	struct state st;
	uint64_t lost; /* events since the last gap record */
	uint64_t torn_at_open;
	bool dirty;
	char path[PATH_BYTES_MAX];
};

static uint64_t
wall_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static void
torn_add(struct state *st, const char *data, size_t len)
{
	if (len == 0)
		return;
	if (st->torn_bytes == 0)
		aef_sha256_init(&st->torn);
	aef_sha256_update(&st->torn, data, len);
	st->torn_bytes += len;
}

/*
 * Go on behind the last good line of the tail; what follows it is torn. A whole line whose hash
 * does not fit is not: somebody changed it.
 */
static int
chain_find(struct state *st, const char *tail, size_t len, bool from_start)
{
	size_t end = len; /* of the line looked at, its newline excluded */
	const size_t head = len < sizeof(AUDIT_HEAD) - 1 ? len : sizeof(AUDIT_HEAD) - 1;
	size_t torn_at = 0;
	bool found = false;

	if (len > 0 && tail[len - 1] == '\n')
		end--;
	while (!found && len > 0) {
		size_t at = end;
		struct audit_line line;
		int rc;

		while (at > 0 && tail[at - 1] != '\n')
			at--;
		rc = audit_line_parse(tail + at, end - at, &line);
		if (rc == AEF_ERR_AUTH)
			return AEF_ERR_MALFORMED;
		if (rc == 0) {
			found = true;
			st->seq = line.seq;
			st->prev = line.hash;
			st->newline_owed = end == len;
			torn_at = end < len ? end + 1 : len;
		}
		if (at == 0)
			break;
		end = at - 1;
	}
	/* No good line at all: the very first one may be torn, other files are not touched. */
	if (!found && len > 0 && (!from_start || memcmp(tail, AUDIT_HEAD, head) != 0))
		return AEF_ERR_MALFORMED;
	torn_add(st, tail + torn_at, len - torn_at);
	return 0;
}

static int
chain_read(struct state *st, off_t size, const char *path, struct aef_text *error)
{
	const size_t len = size < (off_t)TAIL_MAX ? (size_t)size : TAIL_MAX;
	const bool from_start = (off_t)len == size;
	char *tail = malloc(TAIL_MAX);
	int rc = AEF_ERR_NOMEM;

	if (tail == NULL)
		return rc;
	rc = pread(st->fd, tail, len, size - (off_t)len) == (ssize_t)len ? 0 : AEF_ERR_IO;
	if (rc == 0)
		rc = chain_find(st, tail, len, from_start);
	free(tail);
	if (rc < 0)
		aef_text_printf(error,
		                "The last line of the audit log %s is none of ours or was changed; "
		                "see aetherctl audit verify, then move the file away.",
		                path);
	return rc;
}

static int
file_judge(const struct stat *st, const char *path, struct aef_text *error)
{
	if (!S_ISREG(st->st_mode)) {
		aef_text_printf(error, "The audit log %s is not a regular file.", path);
		return AEF_ERR_IO;
	}
	if ((st->st_mode & 077) != 0 || (st->st_uid != geteuid() && st->st_uid != 0)) {
		aef_text_printf(error,
		                "Others may read or write the audit log %s; chown it to the user "
		                "of the program and chmod 600.",
		                path);
		return AEF_ERR_AUTH;
	}
	return 0;
}

static int
state_open(const char *path, struct state *ret_state, struct aef_text *error)
{
	struct state st = { 0 };
	struct stat info;
	int rc;

	audit_hash_none(&st.prev);
	st.fd = open(path,
	             O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	             0600);
	if (st.fd < 0 || fstat(st.fd, &info) != 0) {
		aef_text_printf(error, "The audit log %s cannot be opened: %s.", path,
		                strerror(errno));
		if (st.fd >= 0)
			(void)close(st.fd);
		return AEF_ERR_IO;
	}
	rc = file_judge(&info, path, error);
	if (rc == 0 && flock(st.fd, LOCK_EX | LOCK_NB) != 0) {
		aef_text_printf(error, "Another program writes to the audit log %s.", path);
		rc = AEF_ERR_EXISTS;
	}
	/* Only now: the one who had the lock may have written. */
	if (rc == 0)
		rc = fstat(st.fd, &info) == 0 ? chain_read(&st, info.st_size, path, error)
		                              : AEF_ERR_IO;
	if (rc < 0) {
		(void)close(st.fd);
		return rc;
	}
	st.dev = info.st_dev;
	st.ino = info.st_ino;
	*ret_state = st;
	return 0;
}

int
control_audit_open(const struct control_audit_conf *conf, struct control_audit **ret_audit,
                   struct aef_text *ret_error)
{
	struct control_audit *audit;
	int rc;

	if (strlen(conf->path) >= PATH_BYTES_MAX) {
		aef_text_printf(ret_error, "The path of the audit log is too long.");
		return AEF_ERR_LIMIT;
	}
	audit = calloc(1, sizeof(*audit));
	if (audit == NULL)
		return AEF_ERR_NOMEM;
	audit->conf = *conf;
	memcpy(audit->path, conf->path, strlen(conf->path) + 1);
	audit->conf.path = audit->path;
	if (audit->conf.unix_ns == NULL)
		audit->conf.unix_ns = wall_ns;
	rc = state_open(audit->path, &audit->st, ret_error);
	if (rc < 0) {
		free(audit);
		return rc;
	}
	audit->torn_at_open = audit->st.torn_bytes;
	*ret_audit = audit;
	return 0;
}

void
control_audit_close(struct control_audit *audit)
{
	if (audit == NULL)
		return;
	(void)control_audit_sync(audit); /* counted */
	(void)close(audit->st.fd);
	free(audit);
}

/* ---- writing ------------------------------------------------------------------------------------
 */

/* @return bytes that went out, all or up to the error */
static size_t
write_all(struct control_audit *audit, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n = write(audit->st.fd, data + done, len - done);

		if (n > 0) {
			done += (size_t)n;
			audit->dirty = true;
		} else if (n == 0 || errno != EINTR) {
			audit->conf.stats->write_errors++;
			return done;
		}
	}
	return done;
}

/* One line, with a newline before it when something unfinished stands there. */
static int
emit(struct control_audit *audit, const char *event, const struct control_audit_field *fields,
     unsigned nb_fields)
{
	struct state *st = &audit->st;
	const size_t pre = st->newline_owed || st->torn_bytes > 0 ? 1 : 0;
	const struct audit_event ev = { .seq = st->seq + 1,
		                        .unix_ns = audit->conf.unix_ns(),
		                        .event = event,
		                        .fields = fields,
		                        .nb_fields = nb_fields,
		                        .prev = &st->prev };
	char buf[AUDIT_LINE_MAX + 2] = "\n";
	struct audit_hash hash;
	size_t len, done;

	len = audit_line_make(buf + pre, &ev, &hash);
	buf[pre + len] = '\n';
	done = write_all(audit, buf, pre + len + 1);
	if (done >= pre + len) { /* whole, perhaps but for its newline */
		st->seq++;
		st->prev = hash;
		st->torn_bytes = 0;
		st->newline_owed = done == pre + len;
		audit->conf.stats->lines++;
		return 0;
	}
	if (st->torn_bytes > 0)
		torn_add(st, buf, done);
	else if (done > pre)
		torn_add(st, buf + pre, done - pre);
	if (done > 0)
		st->newline_owed = false;
	return AEF_ERR_IO;
}

static int
emit_gap(struct control_audit *audit)
{
	struct control_audit_field fields[3] = {
		{ .name = "lost_events", .number = audit->lost },
		{ .name = "torn_bytes", .number = audit->st.torn_bytes },
	};
	unsigned nb = 1;
	struct audit_hash hash;
	int rc;

	if (audit->st.torn_bytes > 0) {
		struct aef_sha256 sha = audit->st.torn; /* it may go on growing */

		audit_hash_final(&sha, &hash);
		fields[2] = (struct control_audit_field){ .name = "torn_sha256", .text = hash.hex };
		nb = 3;
	}
	rc = emit(audit, AUDIT_GAP, fields, nb);
	if (rc == 0)
		audit->lost = 0;
	return rc;
}

int
control_audit_write(struct control_audit *audit, const char *event,
                    const struct control_audit_field *fields, unsigned nb_fields)
{
	int rc = 0;

	if (audit->lost > 0 || audit->st.torn_bytes > 0)
		rc = emit_gap(audit);
	if (rc == 0)
		rc = emit(audit, event, fields, nb_fields);
	if (rc < 0) {
		audit->lost++;
		audit->conf.stats->lost_events++;
	}
	return rc;
}

int
control_audit_sync(struct control_audit *audit)
{
	if (!audit->dirty)
		return 0;
	if (fdatasync(audit->st.fd) != 0) {
		audit->conf.stats->sync_errors++;
		return AEF_ERR_IO;
	}
	audit->dirty = false;
	return 0;
}

int
control_audit_reopen(struct control_audit *audit, struct aef_text *ret_error)
{
	struct state st;
	struct stat info;
	int rc;

	if (lstat(audit->path, &info) == 0 && info.st_dev == audit->st.dev &&
	    info.st_ino == audit->st.ino)
		return 0;
	rc = state_open(audit->path, &st, ret_error);
	if (rc < 0)
		return rc;
	if (st.seq == 0 && st.torn_bytes == 0) {
		st.seq = audit->st.seq;
		st.prev = audit->st.prev;
	}
	(void)control_audit_sync(audit); /* counted */
	(void)close(audit->st.fd);
	audit->st = st;
	return 0;
}

uint64_t
control_audit_torn_bytes(const struct control_audit *audit)
{
	return audit->torn_at_open;
}

uint64_t
control_audit_last(const struct control_audit *audit, char ret_hash[CONTROL_AUDIT_HASH_CHARS + 1])
{
	memcpy(ret_hash, audit->st.prev.hex, sizeof(audit->st.prev.hex));
	return audit->st.seq;
}
