/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>
#include <crypto/provider.h>
#include <protect/mem.h>
#include <protect/reset_key.h>

#include "hash_priv.h"
#include "ring_file_priv.h"

#define NODE_LABEL "aef reset key of node"
#define NAME_LABEL "aef reset key name"

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
	if (rc == AEF_ERR_EXISTS)
		return 0;
	return rc == 0 ? 1 : rc;
}

/* HKDF-Expand with the node in its info: who has the secret alone, has another's key not.
 */
static void
node_key(const uint8_t secret[PROTECT_RESET_KEY_BYTES], const struct crypto_bytes *self,
         uint8_t ret_key[PROTECT_RESET_KEY_BYTES])
{
	uint8_t label[sizeof(NODE_LABEL) - 1 + CRYPTO_HASH_BYTES];

	memcpy(label, NODE_LABEL, sizeof(NODE_LABEL) - 1);
	protect_sha256(self, 1, label + sizeof(NODE_LABEL) - 1);
	protect_hkdf_expand(secret, label, sizeof(label), ret_key, PROTECT_RESET_KEY_BYTES);
}

int
protect_reset_key_read(const char *dir, const struct crypto_bytes *self,
                       uint8_t ret_key[PROTECT_RESET_KEY_BYTES], char ret_error[PROTECT_ERROR_MAX])
{
	uint8_t secret[PROTECT_RESET_KEY_BYTES] = { 0 };
	struct protect_folder folder;
	int rc = protect_folder_open(dir, false, ret_error, &folder);

	if (rc < 0)
		return rc;
	rc = protect_file_read_named(&folder, RESET_FILE, secret);
	if (rc == 0)
		node_key(secret, self, ret_key);
	else if (rc == AEF_ERR_NOTFOUND)
		(void)protect_folder_fail(&folder, rc,
		                          "there is no " RESET_FILE " in the key-ring folder: run "
		                          "`aetherctl keys init` on it, which makes one");
	crypto_wipe(secret, sizeof(secret));
	protect_folder_close(&folder);
	return rc;
}

void
protect_reset_key_name(const uint8_t key[PROTECT_RESET_KEY_BYTES],
                       char ret_name[PROTECT_RESET_NAME_CHARS + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[PROTECT_RESET_NAME_CHARS / 2];

	protect_hkdf_expand(key, NAME_LABEL, sizeof(NAME_LABEL) - 1, hash, sizeof(hash));
	for (unsigned i = 0; i < sizeof(hash); i++) {
		ret_name[2 * i] = digits[hash[i] >> 4];
		ret_name[2 * i + 1] = digits[hash[i] & 15];
	}
	ret_name[PROTECT_RESET_NAME_CHARS] = '\0';
}
