/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/reset_key.h - the key of stateless resets, in the key-ring folder of a node.
 *
 * The same key after a restart lets clients of the process before notice at once that their
 * connections are gone. File `reset.secret`, mode 0600: 64 hexadecimal digits and a newline.
 *
 * Source:  docs/spec/quantum.md, stateless reset; protect/ring.h for the folder.
 * Context: main thread at start; aetherctl.
 */
#ifndef PROTECT_RESET_KEY_H
#define PROTECT_RESET_KEY_H

#include <protect/ring.h>

#define PROTECT_RESET_KEY_BYTES 32u

/**
 * Make the key, from random bytes. One that is there stays.
 *
 * @return 0, or an error as protect_ring_open(), said in @p ret_error
 */
AEF_MUST_CHECK int protect_reset_key_make(const char *dir, char ret_error[PROTECT_ERROR_MAX]);

/**
 * Read the key; wipe it after use.
 *
 * @return 0; AEF_ERR_NOTFOUND: no folder or no key; otherwise as protect_ring_open(); said in
 *         @p ret_error
 */
AEF_MUST_CHECK int protect_reset_key_read(const char *dir, uint8_t ret_key[PROTECT_RESET_KEY_BYTES],
                                          char ret_error[PROTECT_ERROR_MAX]);

#endif
