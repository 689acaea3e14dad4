/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <json/json.h>

#include "ctl.h"

#define OUT_BYTES 1024u

static uint64_t
unix_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int
issue(const struct ctl_options *o, struct protect_grant *ret_grant, uint16_t *ret_epoch)
{
	struct protect_conf conf = { .keys_max = 1 };
	char error[PROTECT_ERROR_MAX] = "";
	struct protect *protect = NULL;
	int rc = protect_ring_open(o->ring, o->group, &conf.ring, error);

	if (rc < 0)
		return ctl_say(1, "%s", error[0] != '\0' ? error : aef_err_text(rc));
	*ret_epoch = protect_ring_current(conf.ring);
	rc = protect_create(&conf, &protect);
	if (rc < 0)
		rc = ctl_say(1, "%s", protect_create_text(rc));
	else if ((rc = protect_token_issue(protect, &o->want.token, o->want.life_ms, unix_ms(),
	                                   ret_grant)) < 0)
		rc = ctl_say(1, "no token can be issued: %s", aef_err_text(rc));
	protect_destroy(protect);
	protect_ring_close(conf.ring);
	return rc;
}

static void
write_guuid(struct json_writer *w, const char *key, const struct aef_guuid *id)
{
	char text[AEF_GUUID_TEXT_LEN + 1];

	aef_guuid_format(id, text);
	json_write_key(w, key);
	json_write_string(w, (const uint8_t *)text, AEF_GUUID_TEXT_LEN);
}

/* @return bytes of @p buf */
static size_t
format(const struct ctl_options *o, const struct protect_grant *grant, uint16_t epoch,
       char buf[OUT_BYTES])
{
	char ticket[CLIENT_TICKET_TEXT_LEN + 1];
	struct json_writer w;
	size_t len = CLIENT_TICKET_TEXT_LEN;

	token_grant_ticket(grant, ticket);
	if (o->json) {
		json_writer_init(&w, (uint8_t *)buf, OUT_BYTES - 1);
		json_write_object_begin(&w);
		json_write_key(&w, "ticket");
		json_write_string(&w, (const uint8_t *)ticket, CLIENT_TICKET_TEXT_LEN);
		write_guuid(&w, "session_id", &grant->session_id);
		write_guuid(&w, "conn_id", &grant->conn_id);
		json_write_key(&w, "expires_ms");
		json_write_u64(&w, grant->expires_ms);
		json_write_key(&w, "group");
		json_write_u64(&w, o->group);
		json_write_key(&w, "epoch");
		json_write_u64(&w, epoch);
		json_write_object_end(&w);
		len = json_writer_bytes(&w);
	} else {
		memcpy(buf, ticket, len);
	}
	buf[len] = '\n';
	crypto_wipe(ticket, sizeof(ticket));
	return len + 1;
}

/* Whole or not at all, and never readable to others, also when a file of that name is. */
static int
write_file(const char *path, const char *data, size_t len)
{
	char tmp[4096];
	int fd;
	ssize_t n;

	if (snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof(tmp))
		return ctl_say(1, "the path of --out is too long");
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ctl_say(1, "%s cannot be made: %s", tmp, strerror(errno));
	n = write(fd, data, len);
	if (close(fd) != 0 || n != (ssize_t)len || rename(tmp, path) != 0) {
		const int err = n >= 0 && n != (ssize_t)len ? ENOSPC : errno;

		(void)unlink(tmp); /* ours, made above */
		return ctl_say(1, "%s cannot be written: %s", path, strerror(err));
	}
	return 0;
}

int
ctl_token(const struct ctl_options *o)
{
	struct protect_grant grant = { .expires_ms = 0 };
	char buf[OUT_BYTES];
	uint16_t epoch = 0;
	size_t len;
	int rc = issue(o, &grant, &epoch);

	if (rc != 0)
		return rc;
	len = format(o, &grant, epoch, buf);
	/* Past the buffers of stdio, which would keep it. */
	if (o->out != NULL)
		rc = write_file(o->out, buf, len);
	else if (write(STDOUT_FILENO, buf, len) != (ssize_t)len)
		rc = ctl_say(1, "the output could not be written");
	crypto_wipe(buf, sizeof(buf));
	crypto_wipe(&grant, sizeof(grant));
	return rc;
}
