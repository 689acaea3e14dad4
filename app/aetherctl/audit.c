/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>

#include <control/audit.h>

#include "ctl.h"

int
ctl_audit_verify(int nb_files, char *const *files)
{
	struct control_audit_report report, *before = NULL;

	if (nb_files < 1)
		return ctl_say(2, "audit verify wants a file; see aetherctl audit --help");
	for (int i = 0; i < nb_files; i++) {
		struct control_audit_report *r = &report;
		char buf[512];
		struct aef_text error = aef_text_make(buf, sizeof(buf));

		if (control_audit_verify(files[i], before, r, &error) < 0)
			return ctl_say(1, "%s", buf);
		if (r->bad_line != 0)
			return ctl_say(1, "%s: line %" PRIu64 " %s", files[i], r->bad_line, r->why);
		if (r->lines == 0) {
			printf("%s: no line\n", files[i]);
			continue; /* the next file follows the one before */
		}
		printf("%s: %" PRIu64 " lines, number %" PRIu64 " to %" PRIu64 ", all good\n",
		       files[i], r->lines, r->first_seq, r->last_seq);
		if (r->torn_bytes > 0 || r->lost_events > 0)
			printf("%s: recorded gaps: %" PRIu64 " torn bytes, %" PRIu64
			       " lost events\n",
			       files[i], r->torn_bytes, r->lost_events);
		if (before == NULL)
			printf("follows %s\n", r->first_prev);
		before = r;
	}
	if (before != NULL)
		printf("last hash %s\n", before->last_hash);
	return 0;
}
