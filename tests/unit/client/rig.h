/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/client/rig.h - a client and a listener on one loopback, run by turns in one thread.
 *
 * Waiting is bounded by a number of turns, each of which waits for the sockets at most 2 ms.
 */
#ifndef TESTS_UNIT_CLIENT_RIG_H
#define TESTS_UNIT_CLIENT_RIG_H

#include <base/err.h>
#include <base/rng.h>
#include <client/listener.h>

struct rig {
	struct client_listener *listener;
	struct client *client; /* dialled */
	struct client *peer;   /* accepted; NULL until then */
	struct client_conf conf;
	struct client_listener_conf lconf;
	char address[32];
	struct aef_rng rng; /* of the losses */
	uint32_t loss_ppm;
	uint64_t nb_filtered;
};

/** Defaults in `conf` and `lconf`; change them, then rig_open(). */
void rig_init(struct rig *r);

/** Create both ends; nothing is connected yet. */
void rig_open(struct rig *r);

/** rig_open(), then connect and accept. */
void rig_connect(struct rig *r);

/** Begin to connect with a fresh ticket. */
void rig_dial(struct rig *r);

/** One turn of both ends. */
void rig_turn(struct rig *r);

/** Turns until @p done says true; fails the test after some seconds. */
void rig_until(struct rig *r, bool (*done)(struct rig *r));

/** Next event of @p type at @p client, dropping others, running meanwhile. */
void rig_event(struct rig *r, struct client **client, enum client_event_type type,
               struct client_event *ret_event);

/** Next message at @p client, running meanwhile; the caller releases it. */
void rig_message(struct rig *r, struct client **client, struct client_msg *ret_msg);

/** Destroy everything that is left. */
void rig_close(struct rig *r);

/** A filter that loses `loss_ppm` of the datagrams; @p arg is the rig. */
bool rig_lossy(void *arg, bool tx, const uint8_t *data, uint32_t len);

#endif
