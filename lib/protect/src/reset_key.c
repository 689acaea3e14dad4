/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>
#include <crypto/provider.h>
#include <protect/mem.h>
#include <protect/reset_key.h>

#include "ring_file_priv.h"

/* Not *.key: those names are token keys. */
#define RESET_FILE "reset.secret"

static_assert(PROTECT_RESET_KEY_BYTES == PROTECT_RING_KEY_BYTES, "one form of file");

int
protect_reset_key_make(const char *dir, char ret_error[PROTECT_ERROR_MAX])
{
	uint8_t key[PROTECT_RESET_KEY_BYTES];
	struct protect_folder folder;
	int rc = protect_folder_open(dir, true, ret_error, &folder);

	if (rc < 0)
		return rc;
	rc = protect_random(key, sizeof(key));
	if (rc < 0)
		rc = protect_folder_fail(&folder, rc,
		                         "the system gives no random bytes: try again later");
	else
		rc = protect_file_write_named(&folder, RESET_FILE, key);
	crypto_wipe(key, sizeof(key));
	protect_folder_close(&folder);
	return rc == AEF_ERR_EXISTS ? 0 : rc;
}

int
protect_reset_key_read(const char *dir, uint8_t ret_key[PROTECT_RESET_KEY_BYTES],
                       char ret_error[PROTECT_ERROR_MAX])
{
	struct protect_folder folder;
	int rc = protect_folder_open(dir, false, ret_error, &folder);

	if (rc < 0)
		return rc;
	rc = protect_file_read_named(&folder, RESET_FILE, ret_key);
	if (rc == AEF_ERR_NOTFOUND)
		(void)protect_folder_fail(&folder, rc,
		                          "there is no " RESET_FILE " in the key-ring folder: run "
		                          "`aetherctl keys init` on it, which makes one");
	protect_folder_close(&folder);
	return rc;
}
