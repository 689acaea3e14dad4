/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/reset_key.h - the key of stateless resets, in the key-ring folder of a node.
 *
 * The same key after a restart lets clients of the process before notice at once that their
 * connections are gone. It is made of a secret, file `reset.secret` (mode 0600: 64 hexadecimal
 * digits and a newline), and of what tells the node from others: a node that was given a copy of
 * the folder would otherwise tell anybody how to end the connections of the first.
 *
 * Source:  docs/spec/quantum.md; RFC 5869; protect/ring.h for the folder.
 * Context: main thread at start; aetherctl.
 */
#ifndef PROTECT_RESET_KEY_H
#define PROTECT_RESET_KEY_H

#include <crypto/provider.h>
#include <protect/ring.h>

#define PROTECT_RESET_KEY_BYTES  32u
#define PROTECT_RESET_NAME_CHARS 8u

/**
 * Make the secret, from random bytes. One that is there stays.
 *
 * @return 1 when it was made, 0 when one was there, or an error as protect_ring_open(), said in @p
 * ret_error
 */
AEF_MUST_CHECK int protect_reset_key_make(const char *dir, char ret_error[PROTECT_ERROR_MAX]);

/**
 * Read the secret and make the key of this node; wipe it after use.
 *
 * @param self what no other node has and a restart does not change: its addresses
 * @return 0; AEF_ERR_NOTFOUND: no folder or no secret; otherwise as protect_ring_open(); said in
 *         @p ret_error
 */
AEF_MUST_CHECK int protect_reset_key_read(const char *dir, const struct crypto_bytes *self,
                                          uint8_t ret_key[PROTECT_RESET_KEY_BYTES],
                                          char ret_error[PROTECT_ERROR_MAX]);

/** Name of a key, hexadecimal, that says nothing about it but whether two are the same. */
void protect_reset_key_name(const uint8_t key[PROTECT_RESET_KEY_BYTES],
                            char ret_name[PROTECT_RESET_NAME_CHARS + 1]);

#endif
