/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/stat.h>

#include <base/err.h>
#include <protect/reset_key.h>

#include "folder.h"
#include "harness.h"

static struct folder f;

START_TEST(reset_key_is_made_once_and_stays)
{
	uint8_t a[PROTECT_RESET_KEY_BYTES], b[PROTECT_RESET_KEY_BYTES];
	const uint8_t none[PROTECT_RESET_KEY_BYTES] = { 0 };
	char error[PROTECT_ERROR_MAX] = "";
	struct protect_ring *ring;
	struct stat st;

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	ck_assert_int_eq(protect_reset_key_make(f.path, error), 0);
	ck_assert_int_eq(stat(folder_file(&f, "reset.secret"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(protect_reset_key_read(f.path, a, error), 0);
	ck_assert_int_eq(protect_reset_key_make(f.path, error), 0);
	ck_assert_int_eq(protect_reset_key_read(f.path, b, error), 0);

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
	ck_assert_int_eq(protect_reset_key_read(f.path, key, error), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error, "aetherctl keys init"));
	folder_put_key(&f, "reset.secret", '1');
	ck_assert_int_eq(protect_reset_key_read(f.path, key, error), 0);
	ck_assert_uint_eq(key[31], 0x11);
	ck_assert_int_eq(chmod(folder_file(&f, "reset.secret"), 0640), 0);
	ck_assert_int_eq(protect_reset_key_read(f.path, key, error), AEF_ERR_AUTH);
	folder_put(&f, "reset.secret", "123\n", 0600);
	ck_assert_int_eq(protect_reset_key_read(f.path, key, error), AEF_ERR_INVALID);
	ck_assert_int_eq(protect_reset_key_read(folder_file(&f, "none"), key, error),
	                 AEF_ERR_NOTFOUND);
	ck_assert_int_eq(protect_reset_key_make(folder_file(&f, "none"), error), AEF_ERR_NOTFOUND);
	folder_remove(&f);
}
END_TEST

TEST_SUITE(reset_key, &reset_key_is_made_once_and_stays,
           &reset_key_that_is_missing_open_or_broken_is_refused_with_a_sentence)
