/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-cat/stream.h - where bytes come from and go to, with their digests and counts.
 *
 * Context: one thread.
 */
#ifndef QUANTUM_CAT_STREAM_H
#define QUANTUM_CAT_STREAM_H

#include <base/rng.h>
#include <base/sha256.h>
#include <client/client.h>

#include "options.h"

struct stream {
	const struct options *o;
	int in_fd, out_fd; /* -1: none */
	bool in_ended;
	uint64_t generate_left;
	struct aef_rng rng;
	uint8_t *buf; /* the next message, `buf_len` bytes read but not taken yet */
	uint32_t buf_len;
	uint64_t tx_bytes, rx_bytes;
	struct aef_sha256 tx_sha, rx_sha;
	uint64_t start_ns, end_ns;
	uint64_t progress_ns;
};

/** Open input and output; complains itself. */
bool stream_open(struct stream *s, const struct options *o);

void stream_close(struct stream *s);

/** True when more input may come. */
bool stream_has_input(const struct stream *s);

/**
 * Read, if nothing is left over, and send until the input or the queue ends.
 *
 * @return false when input or connection failed (said on standard error)
 */
bool stream_pump(struct stream *s, struct client *client);

/** Count and write what was received; false when the output failed. */
bool stream_take(struct stream *s, const struct client_msg *msg);

/** Show how far it is, at most twice a second, where standard error is a terminal. */
void stream_progress(struct stream *s, bool last);

/** The figures of --stats. */
void stream_stats(const struct stream *s, const struct client *client);

/** True when the digests of what was sent and what came back are equal; prints them. */
bool stream_verify(struct stream *s);

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

#endif
