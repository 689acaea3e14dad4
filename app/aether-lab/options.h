/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of aether-lab as a structure.
 */
#ifndef LAB_OPTIONS_H
#define LAB_OPTIONS_H

#include <base/defs.h>
#include <base/time.h>
#include <link/conf.h>
#include <runtime/text.h>

#define LAB_CLIENTS_MAX   1024u
#define LAB_DOCS_MAX      256u
#define LAB_IN_FLIGHT_MAX 1024u

enum lab_fec { LAB_FEC_OFF, LAB_FEC_ON, LAB_FEC_ALWAYS };

struct lab_opts {
	/* who */
	uint32_t clients; /* editors, or authors and readers of a trace */
	uint32_t docs;
	uint32_t readers;
	bool clients_set, docs_set, readers_set, duration_set;
	bool up_set, down_set;  /* a list on the command line has replaced the default */
	const char *trace_only; /* an option given that means something only with a trace */
	/* what they do */
	const char *trace;   /* file; NULL: the typing model */
	uint64_t pace_milli; /* trace: 1000 = its own pace, 0 = flat out */
	uint32_t in_flight;  /* own operations not yet acknowledged, at most */
	uint64_t rate_milli; /* operations per 1,000 s of one editor */
	uint64_t duration_ns;
	uint64_t settle_ns; /* time for convergence after the last keystroke */
	uint64_t seed;
	/* where */
	struct link_conf up, down;
	enum lab_fec fec;
	bool ipv6, pmtud, ecn;
	/* the machine */
	uint32_t lcores, workers;
	uint32_t mbufs;     /* per pool; 0: from the number of clients */
	uint32_t memory_mb; /* of EAL; 0: from the rest */
	bool no_huge, busy_poll;
	/* how it is shown */
	const char *json;
	const char *datagrams; /* file for a line per datagram; NULL: none */
	uint64_t interval_ns;
	bool lockstep, direct, console, plain, quiet;
};

enum lab_parse { LAB_PARSE_RUN, LAB_PARSE_DONE, LAB_PARSE_BAD };

/** Everything at its default. */
void lab_opts_default(struct lab_opts *opts);

/**
 * Read a command line.
 *
 * @param out DONE: text for the user (help, version); BAD: one sentence that says what to do
 */
enum lab_parse lab_opts_parse(struct lab_opts *opts, int argc, char **argv, struct aef_text *out);

/** "1.5s", "200ms", "50us", "2min"; a bare number is seconds. @return 0 or AEF_ERR_INVALID */
AEF_MUST_CHECK int lab_parse_time(const char *text, uint64_t *ret_ns);

/** Decimal number with up to three digits behind the point, in thousandths. As above. */
AEF_MUST_CHECK int lab_parse_milli(const char *text, uint64_t *ret_milli);

/** Write a link configuration as one would type it. */
void lab_link_text(const struct link_conf *conf, struct aef_text *out);

#endif
