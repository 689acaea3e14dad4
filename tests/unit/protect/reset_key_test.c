/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/stat.h>

#include <base/err.h>
#include <protect/reset_key.h>

#include "folder.h"
#include "harness.h"

static struct folder f;
static const struct crypto_bytes self = { "192.0.2.1  4433 0\n", 18 };

START_TEST(reset_key_is_made_once_and_stays)
{
	uint8_t a[PROTECT_RESET_KEY_BYTES], b[PROTECT_RESET_KEY_BYTES];
	const uint8_t none[PROTECT_RESET_KEY_BYTES] = { 0 };
	char error[PROTECT_ERROR_MAX] = "";
	struct protect_ring *ring;
	struct stat st;

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	ck_assert_int_eq(protect_reset_key_make(f.path, error), 1);
	ck_assert_int_eq(stat(folder_file(&f, "reset.secret"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, a, error), 0);
	ck_assert_int_eq(protect_reset_key_make(f.path, error), 0);
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, b, error), 0);

	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert_mem_ne(a, none, sizeof(a));
	ck_assert_int_eq(protect_ring_open(f.path, 1, &ring, error), 0); /* not in its way */
	protect_ring_close(ring);
	folder_remove(&f);
}
END_TEST

START_TEST(reset_key_that_is_missing_open_or_broken_is_refused_with_a_sentence)
{
	uint8_t key[PROTECT_RESET_KEY_BYTES];
	char error[PROTECT_ERROR_MAX] = "";

	folder_make(&f);
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, key, error), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error, "aetherctl keys init"));
	folder_put_key(&f, "reset.secret", '1');
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, key, error), 0);
	ck_assert_int_eq(chmod(folder_file(&f, "reset.secret"), 0640), 0);
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, key, error), AEF_ERR_AUTH);
	folder_put(&f, "reset.secret", "123\n", 0600);
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, key, error), AEF_ERR_INVALID);
	ck_assert_int_eq(protect_reset_key_read(folder_file(&f, "none"), &self, key, error),
	                 AEF_ERR_NOTFOUND);
	ck_assert_int_eq(protect_reset_key_make(folder_file(&f, "none"), error), AEF_ERR_NOTFOUND);
	folder_remove(&f);
}
END_TEST

/* The secret was copied with the folder, but not the addresses. */
START_TEST(reset_key_of_a_copied_secret_is_another_on_another_node)
{
	const struct crypto_bytes other = { "192.0.2.2  4433 0\n", 18 }, part = { self.data, 17 };
	uint8_t a[PROTECT_RESET_KEY_BYTES], b[PROTECT_RESET_KEY_BYTES], secret[32];
	char error[PROTECT_ERROR_MAX] = "", name_a[PROTECT_RESET_NAME_CHARS + 1],
	     name_b[PROTECT_RESET_NAME_CHARS + 1];

	folder_make(&f);
	folder_put_key(&f, "reset.secret", '1');
	memset(secret, 0x11, sizeof(secret));
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, a, error), 0);
	ck_assert_int_eq(protect_reset_key_read(f.path, &other, b, error), 0);

	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_mem_ne(a, secret, sizeof(a));
	protect_reset_key_name(a, name_a);
	protect_reset_key_name(b, name_b);
	ck_assert_uint_eq(strlen(name_a), PROTECT_RESET_NAME_CHARS);
	ck_assert_str_ne(name_a, name_b);
	ck_assert_int_eq(protect_reset_key_read(f.path, &part, b, error), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_int_eq(protect_reset_key_read(f.path, &self, b, error), 0); /* a restart */
	ck_assert_mem_eq(a, b, sizeof(a));
	protect_reset_key_name(b, name_b);
	ck_assert_str_eq(name_a, name_b);
	folder_remove(&f);
}
END_TEST

TEST_SUITE(reset_key, &reset_key_is_made_once_and_stays,
           &reset_key_of_a_copied_secret_is_another_on_another_node,
           &reset_key_that_is_missing_open_or_broken_is_refused_with_a_sentence)
