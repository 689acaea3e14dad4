/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <base/err.h>

#include "audit_priv.h"

/* Torn lines in a row: joined by newlines, the last one without. */
struct region {
	uint64_t first_line; /* 0: none */
	uint64_t bytes;
	struct aef_sha256 sha;
};

struct verify {
	struct control_audit_report *report;
	bool any; /* `last_hash`, `last_seq` are to be gone on with */
	uint64_t line_nr;
	struct region region;
};

static int
bad(struct verify *v, uint64_t line, const char *why)
{
	v->report->bad_line = line;
	v->report->why = why;
	return AEF_ERR_MALFORMED;
}

static void
region_add(struct verify *v, const char *line, size_t len)
{
	struct region *r = &v->region;

	if (r->first_line == 0) {
		*r = (struct region){ .first_line = v->line_nr };
		aef_sha256_init(&r->sha);
	} else {
		aef_sha256_update(&r->sha, "\n", 1);
		r->bytes++;
	}
	aef_sha256_update(&r->sha, line, len);
	r->bytes += len;
}

/* The torn lines before are what this record says. */
static bool
region_fits(struct verify *v, const struct audit_line *line)
{
	struct audit_hash hash;

	if (strcmp(line->event, AUDIT_GAP) != 0 || line->torn_bytes != v->region.bytes)
		return false;
	audit_hash_final(&v->region.sha, &hash);
	return strcmp(hash.hex, line->torn.hex) == 0;
}

static int
good_line(struct verify *v, const struct audit_line *line)
{
	struct control_audit_report *r = v->report;

	if (v->region.first_line != 0 && !region_fits(v, line))
		return bad(v, v->region.first_line,
		           "is no line of an audit log, and no record accounts for it");
	if (v->any && strcmp(line->prev.hex, r->last_hash) != 0)
		return bad(
			v, v->line_nr,
			"does not follow the line before it: lines were removed, added or moved");
	if (v->any && line->seq != r->last_seq + 1)
		return bad(v, v->line_nr, "has a number that does not follow the one before it");
	if (v->region.first_line == 0 && line->torn_bytes != 0)
		return bad(v, v->line_nr, "accounts for torn bytes that are not there");
	if (r->lines == 0) {
		r->first_seq = line->seq;
		memcpy(r->first_prev, line->prev.hex, sizeof(r->first_prev));
	}
	r->lines++;
	r->last_seq = line->seq;
	memcpy(r->last_hash, line->hash.hex, sizeof(r->last_hash));
	r->torn_bytes += line->torn_bytes;
	r->lost_events += line->lost_events;
	v->any = true;
	v->region.first_line = 0;
	return 0;
}

static int
verify_line(struct verify *v, const char *line, size_t len)
{
	struct audit_line parsed;
	const int rc = audit_line_parse(line, len, &parsed);

	v->line_nr++;
	if (rc == AEF_ERR_AUTH)
		return bad(v, v->line_nr, "was changed: its hash does not fit its text");
	if (rc < 0) {
		region_add(v, line, len);
		return 0;
	}
	return good_line(v, &parsed);
}

static void
verify_stream(struct verify *v, FILE *file)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	while (rc == 0 && (len = getline(&line, &cap, file)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			len--;
		rc = verify_line(v, line, (size_t)len);
	}
	free(line);
	if (rc == 0 && v->region.first_line != 0)
		(void)bad(v, v->region.first_line,
		          "is no complete line of an audit log (a write was cut off, or it is "
		          "another kind of file)");
}

int
control_audit_verify(const char *path, const struct control_audit_report *after,
                     struct control_audit_report *ret_report, struct aef_text *ret_error)
{
	struct verify v = { .report = ret_report };
	struct control_audit_report before = { 0 }; /* a copy: it may be ret_report itself */
	struct audit_hash none;
	FILE *file = fopen(path, "re");
	bool failed;

	audit_hash_none(&none);
	if (after != NULL)
		before = *after;
	else
		memcpy(before.last_hash, none.hex, sizeof(before.last_hash));
	*ret_report = (struct control_audit_report){ .last_seq = before.last_seq };
	memcpy(ret_report->last_hash, before.last_hash, sizeof(ret_report->last_hash));
	memcpy(ret_report->first_prev, before.last_hash, sizeof(ret_report->first_prev));
	v.any = after != NULL;
	if (file == NULL) {
		aef_text_printf(ret_error, "The audit log %s cannot be opened: %s.", path,
		                strerror(errno));
		return AEF_ERR_IO;
	}
	verify_stream(&v, file);
	failed = ferror(file) != 0;
	(void)fclose(file);
	if (failed) {
		aef_text_printf(ret_error, "The audit log %s cannot be read.", path);
		return AEF_ERR_IO;
	}
	return 0;
}
