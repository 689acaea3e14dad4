/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * needles.h - every run of 8 bytes of every secret that was told, to be found in memory or a file.
 *
 * Of a traffic key also its AES round keys (FIPS 197), which a cipher keeps in memory instead.
 *
 * Context: one thread.
 */
#ifndef SECRETS_NEEDLES_H
#define SECRETS_NEEDLES_H

#include "subject.h"

#define NEEDLE_BYTES 8u

struct needles;

struct needles *needles_create(void);
void needles_destroy(struct needles *needles);

/** Add a secret as it was told. */
void needles_add(struct needles *needles, const struct secret_record *record);

/** Different secrets told so far. */
unsigned needles_nb(const struct needles *needles);

/** Called for each place where a needle begins. */
typedef void (*needles_found_fn)(void *arg, uint64_t at, const char *what);

/** Search @p len bytes; @p at is what the first one is called. @return number of places */
unsigned needles_search(const struct needles *needles, const uint8_t *bytes, size_t len,
                        uint64_t at, needles_found_fn fn, void *arg);

#endif
