/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the right to connect comes from: a ticket as text, or the token keys themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <base/err.h>
#include <protect/token.h>

#include "cat.h"

#define TICKET_LIFE_MS 30000u

struct protect_ring *
cat_ring_open(const struct options *o)
{
	char error[PROTECT_ERROR_MAX] = "";
	struct protect_ring *ring = NULL;
	int err = protect_ring_open(o->ring, o->group, &ring, error);

	if (err == AEF_ERR_NOTFOUND && o->listen) {
		err = protect_ring_dir_init(o->ring, o->group, error);
		if (err == 0)
			err = protect_ring_open(o->ring, o->group, &ring, error);
	}
	if (err != 0)
		fprintf(stderr, "quantum-cat: %s\n", error);
	return err == 0 ? ring : NULL;
}

static bool
parse(const char *text, size_t len, struct client_ticket *ret_ticket)
{
	if (client_ticket_parse(text, len, ret_ticket) == 0)
		return true;
	fprintf(stderr,
	        "quantum-cat: the ticket is damaged; copy all %u characters of it, from \"qt1.\" "
	        "on.\n",
	        CLIENT_TICKET_TEXT_LEN);
	return false;
}

static bool
from_file(const char *path, struct client_ticket *ret_ticket)
{
	char text[CLIENT_TICKET_TEXT_LEN + 2] = "";
	FILE *file = fopen(path, "re");
	bool ok = false;

	if (file == NULL) {
		fprintf(stderr, "quantum-cat: cannot open \"%.200s\": %s.\n", path,
		        strerror(errno));
		return false;
	}
	(void)setvbuf(file, NULL, _IONBF, 0); /* no copy of a secret on the heap */
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	ok = parse(text, strcspn(text, "\n"), ret_ticket);
	crypto_wipe(text, sizeof(text));
	(void)fclose(file);
	return ok;
}

static int
issue(struct protect_ring *ring, uint16_t group, struct protect_grant *ret_grant)
{
	const struct protect_conf conf = { .keys_max = 1, .ring = ring };
	const struct crypto_token want = { .group = group, .session_epoch = 1 };
	struct protect *protect = NULL;
	struct timespec now;
	int err = protect_create(&conf, &protect);

	if (err != 0) {
		fprintf(stderr, "quantum-cat: %s\n", protect_create_text(err));
		return err;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	err = protect_token_issue(protect, &want, TICKET_LIFE_MS,
	                          (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
	                          ret_grant);
	if (err != 0)
		fprintf(stderr, "quantum-cat: cannot make a ticket: %s.\n", aef_err_text(err));
	protect_destroy(protect);
	return err;
}

static bool
from_ring(const struct options *o, struct client_ticket *ret_ticket)
{
	struct protect_ring *ring = cat_ring_open(o);
	struct protect_grant grant = { .expires_ms = 0 };
	bool ok = false;

	if (ring != NULL && issue(ring, o->group, &grant) == 0) {
		client_ticket_from_grant(&grant, ret_ticket);
		ok = true;
	}
	crypto_wipe(&grant, sizeof(grant));
	protect_ring_close(ring);
	return ok;
}

bool
cat_ticket_get(const struct options *o, struct client_ticket *ret_ticket)
{
	if (o->ticket != NULL) {
		const bool ok = parse(o->ticket, strlen(o->ticket), ret_ticket);

		/* Nobody reads it off our command line from here on, nor out of a core dump. */
		crypto_wipe(o->ticket, strlen(o->ticket));
		return ok;
	}
	return o->ticket_file != NULL ? from_file(o->ticket_file, ret_ticket)
	                              : from_ring(o, ret_ticket);
}
