/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * subject.h - the process that is looked at: it does real work with real keys, tells its parent of
 * every secret that comes into being, masked, and stops where the parent shall look.
 *
 * Nothing of a secret stays in the code here: bytes are masked one by one on their way out.
 *
 * Context: the child process; secrets may be told on any of its threads.
 */
#ifndef SECRETS_SUBJECT_H
#define SECRETS_SUBJECT_H

#include <base/defs.h>

#define SECRET_BYTES_MAX 64u
#define SECRET_MASK(i)   ((uint8_t)(0x5a + 37 * (i)))

/* Where the subject stops. */
enum stage {
	STAGE_STEP =
		0xf0, /* in the midst of work: what the last calls left behind is still there */
	STAGE_LIVE,   /* connections are open: keys may stand in secret memory only */
	STAGE_CLOSED, /* connections are gone: token and handshake keys, in secret memory only */
	STAGE_GONE,   /* ring and listener are gone, too: nothing anywhere */
	STAGE_FAILED, /* the work itself went wrong */
};

/* What the child writes to its parent for a secret, or for a stage (then without bytes). */
struct secret_record {
	uint8_t kind; /* enum keylog_kind, KIND_RANDOM, or enum stage */
	uint8_t len;
	uint8_t epoch;
	uint8_t by_server;
	uint8_t masked[SECRET_BYTES_MAX];
};

#define KIND_RANDOM                                                                                \
	0x40u /* bytes of protect_random(): token keys, handshake keys, seeds of X25519 */

/** Tell of secrets on @p out from now on, and wait for the parent on @p in at each stage. */
void subject_begin(int out, int in);

/** Stop here until the parent has looked. */
void subject_stage(enum stage stage);

/** The subjects: @return the exit status of the child. */
int subject_client(void);
int subject_lab(void);

/** The control: it leaves 8 bytes of a psk on the heap. */
int subject_leaky(void);

#endif
