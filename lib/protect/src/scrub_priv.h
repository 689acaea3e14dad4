/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scrub_priv.h - overwriting the stack below the caller, and the vector registers, where a library
 * has put temporary values.
 *
 * OpenSSL's X25519 wipes the private key it copied, but not the field elements it worked with.
 */
#ifndef PROTECT_SCRUB_PRIV_H
#define PROTECT_SCRUB_PRIV_H

/* More than the deepest call into X25519 and SHA-256 uses (measured: under 4 KiB). */
#define PROTECT_SCRUB_BYTES 8192

/** Wipe PROTECT_SCRUB_BYTES below the caller's frame. */
void protect_stack_scrub(void);

/** Clear all vector registers; some ten cycles. */
void protect_registers_clear(void);

#endif
