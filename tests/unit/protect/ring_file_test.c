/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_file_test.c - files of a key-ring folder: names, form, owner, mode, kind, whole or not at
 * all.
 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <base/err.h>

#include "folder.h"
#include "ring_file_priv.h"

static char error[PROTECT_ERROR_MAX];

START_TEST(ring_file_name_is_read_back_for_every_kind_group_and_epoch)
{
	static const uint16_t numbers[] = { 0, 1, 9, 10, 12345, 65535 };
	static const enum protect_file_kind kinds[] = { PROTECT_FILE_KEY, PROTECT_FILE_REVOKED,
		                                        PROTECT_FILE_CURRENT };
	char name[PROTECT_FILE_NAME_MAX];

	for (unsigned g = 0; g < AEF_DIM(numbers); g++) {
		for (unsigned e = 0; e < AEF_DIM(numbers); e++) {
			for (unsigned k = 0; k < AEF_DIM(kinds); k++) {
				uint16_t group = 77, epoch = 78;

				protect_file_name(kinds[k], numbers[g], numbers[e], name);
				ck_assert_int_eq(protect_file_parse(name, &group, &epoch),
				                 kinds[k]);
				ck_assert_uint_eq(group, numbers[g]);
				if (kinds[k] != PROTECT_FILE_CURRENT)
					ck_assert_uint_eq(epoch, numbers[e]);
			}
		}
	}
	protect_file_name(PROTECT_FILE_KEY, 1, 7, name);
	ck_assert_str_eq(name, "g00001-e00007.key");
}
END_TEST

START_TEST(ring_file_name_that_is_almost_right_is_called_broken)
{
	static const char *const broken[] = {
		"g1-e7.key",
		"g00001-e00007.KEY.key",
		"g00001-e65536.key",
		"g99999-e00001.key",
		"g00001-e0000x.key",
		"g00001_e00007.key",
		"g00001-e00007-.key",
		"x00001-e00007.key",
		"g00001.key",
		"g00001-e00007 .key",
		"g000001-e00007.key",
		"g00001.revoked",
		"g00001-e1.current",
		"g.current",
		"key.key",
		"g00001-e.key",
		"g00001-e00007key.key",
		"g-0001-e00007.key",
	};
	static const char *const other[] = {
		"README", "g00001-e00007",      ".g00001-e00007.key.tmp",
		"key",    "g00001-e00007.key~", "..",
		"."
	};
	uint16_t group, epoch;

	for (unsigned i = 0; i < AEF_DIM(broken); i++)
		ck_assert_msg(protect_file_parse(broken[i], &group, &epoch) == PROTECT_FILE_BROKEN,
		              "%s", broken[i]);
	for (unsigned i = 0; i < AEF_DIM(other); i++)
		ck_assert_msg(protect_file_parse(other[i], &group, &epoch) == PROTECT_FILE_OTHER,
		              "%s", other[i]);
}
END_TEST

START_TEST(ring_file_key_is_written_for_the_owner_alone_and_read_back)
{
	struct protect_folder folder;
	struct folder f;
	struct stat st;
	uint8_t key[PROTECT_RING_KEY_BYTES], got[PROTECT_RING_KEY_BYTES];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 29 + 7);
	folder_make(&f);
	const mode_t mask = umask(0777); /* takes everything away from new files */

	ck_assert_int_eq(protect_folder_open(f.path, true, error, &folder), 0);
	ck_assert_int_eq(protect_file_write_key(&folder, 4, 8, key), 0);
	ck_assert_int_eq(protect_file_write_current(&folder, 4, 65535), 0);
	umask(mask);

	ck_assert_int_eq(protect_file_read_key(&folder, 4, 8, got), 0);
	ck_assert_mem_eq(got, key, sizeof(key));
	ck_assert_int_eq(stat(folder_file(&f, "g00004-e00008.key"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 65);
	ck_assert_str_eq(folder_get(&f, "g00004.current"), "65535\n");
	ck_assert_uint_eq(folder_count(&f), 2); /* nothing temporary is left */
	ck_assert_int_eq(protect_file_write_key(&folder, 4, 8, key), AEF_ERR_EXISTS);
	ck_assert_int_eq(protect_file_revoke(&folder, 4, 8), 0);
	ck_assert(folder_has(&f, "g00004-e00008.revoked") && !folder_has(&f, "g00004-e00008.key"));
	ck_assert_int_eq(protect_file_revoke(&folder, 4, 8), AEF_ERR_IO);
	ck_assert_int_eq(protect_file_write_key(&folder, 4, 9, key), 0);
	ck_assert_int_eq(protect_file_remove_key(&folder, 4, 9), 0);
	ck_assert(!folder_has(&f, "g00004-e00009.key"));
	ck_assert_int_eq(protect_file_remove_key(&folder, 4, 9), AEF_ERR_IO);
	protect_folder_close(&folder);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_key_of_another_form_is_refused)
{
	static const char *const texts[] = {
		"",
		"\n",
		"1111111111111111111111111111111111111111111111111111111111111111", /* no newline */
		"1111111111111111111111111111111111111111111111111111111111111111\n\n", /* two */
		"111111111111111111111111111111111111111111111111111111111111111\n", /* 63 digits */
		"11111111111111111111111111111111111111111111111111111111111111111\n", /* 65 digits
		                                                                        */
		"111111111111111111111111111111111111111111111111111111111111111g\n",
		"11111111111111111111111111111111 1111111111111111111111111111111\n",
		"0x11111111111111111111111111111111111111111111111111111111111111\n",
		"0000000000000000000000000000000000000000000000000000000000000000\n",
	};
	struct protect_folder folder;
	struct folder f;
	uint8_t got[PROTECT_RING_KEY_BYTES], zero[PROTECT_RING_KEY_BYTES] = { 0 };

	folder_make(&f);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &folder), 0);
	for (unsigned i = 0; i < AEF_DIM(texts); i++) {
		memset(got, 0xee, sizeof(got));
		folder_put(&f, "g00001-e00001.key", texts[i], 0600);
		ck_assert_msg(protect_file_read_key(&folder, 1, 1, got) == AEF_ERR_INVALID,
		              "text %u", i);
		ck_assert_mem_eq(got, zero, sizeof(got));
		ck_assert_ptr_nonnull(strstr(error, "g00001-e00001.key"));
	}
	folder_put(&f, "g00001-e00001.key",
	           "ABCDEFabcdef0123456789000000000000000000000000000000000000000000\n", 0600);
	ck_assert_int_eq(protect_file_read_key(&folder, 1, 1, got), 0);
	ck_assert_uint_eq(got[0], 0xab);
	ck_assert_int_eq(protect_file_read_key(&folder, 1, 2, got), AEF_ERR_NOTFOUND);
	protect_folder_close(&folder);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_current_of_another_form_is_refused)
{
	static const char *const texts[] = { "",      "\n",       "7",     "7\n\n",  "65536\n",
		                             "-1\n",  "7 \n",     " 7\n",  "123456", "seven\n",
		                             "0x7\n", "700000\n", "7\r\n", "99999\n" };
	struct protect_folder folder;
	struct folder f;
	uint16_t epoch = 5;

	folder_make(&f);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &folder), 0);
	ck_assert_int_eq(protect_file_read_current(&folder, 1, &epoch), AEF_ERR_NOTFOUND);
	for (unsigned i = 0; i < AEF_DIM(texts); i++) {
		folder_put(&f, "g00001.current", texts[i], 0600);
		ck_assert_msg(protect_file_read_current(&folder, 1, &epoch) == AEF_ERR_INVALID,
		              "text %u", i);
	}
	ck_assert_uint_eq(epoch, 5);
	folder_put(&f, "g00001.current", "65535\n", 0600);
	ck_assert_int_eq(protect_file_read_current(&folder, 1, &epoch), 0);
	ck_assert_uint_eq(epoch, 65535);
	folder_put(&f, "g00001.current", "0\n", 0600);
	ck_assert_int_eq(protect_file_read_current(&folder, 1, &epoch), 0);
	ck_assert_uint_eq(epoch, 0);
	protect_folder_close(&folder);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_that_others_can_get_at_is_refused)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
	struct protect_folder folder;
	struct folder f;
	uint8_t got[PROTECT_RING_KEY_BYTES];

	folder_make(&f);
	folder_put_key(&f, "g00001-e00001.key", '3');
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &folder), 0);
	for (unsigned i = 0; i < AEF_DIM(modes); i++) {
		ck_assert_int_eq(chmod(folder_file(&f, "g00001-e00001.key"), modes[i]), 0);
		ck_assert_int_eq(protect_file_read_key(&folder, 1, 1, got), AEF_ERR_AUTH);
		ck_assert_ptr_nonnull(strstr(error, "chmod 0600"));
	}
	ck_assert_int_eq(chmod(folder_file(&f, "g00001-e00001.key"), 0400), 0);
	ck_assert_int_eq(protect_file_read_key(&folder, 1, 1, got), 0);
	if (geteuid() == 0) { /* only root can give a file away */
		ck_assert_int_eq(chown(folder_file(&f, "g00001-e00001.key"), 12345, 0), 0);
		ck_assert_int_eq(protect_file_read_key(&folder, 1, 1, got), AEF_ERR_AUTH);
		ck_assert_ptr_nonnull(strstr(error, "12345"));
	}
	protect_folder_close(&folder);
	for (unsigned i = 0; i < AEF_DIM(modes); i++) {
		ck_assert_int_eq(chmod(f.path, modes[i] | 0700), 0);
		ck_assert_int_eq(protect_folder_open(f.path, false, error, &folder), AEF_ERR_AUTH);
		ck_assert_ptr_nonnull(strstr(error, "chmod 0700"));
	}
	ck_assert_int_eq(chmod(f.path, 0700), 0);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_that_is_no_plain_file_is_refused_without_waiting)
{
	struct protect_folder folder;
	struct folder f;
	uint8_t got[PROTECT_RING_KEY_BYTES];
	char target[400];

	folder_make(&f);
	folder_put_key(&f, "real", '3');
	strcpy(target, folder_file(&f, "real"));
	ck_assert_int_eq(symlink(target, folder_file(&f, "g00001-e00001.key")), 0);
	ck_assert_int_eq(mkfifo(folder_file(&f, "g00001-e00002.key"), 0600), 0);
	ck_assert_int_eq(mkdir(folder_file(&f, "g00001-e00003.key"), 0700), 0);
	ck_assert_int_eq(link(target, folder_file(&f, "g00001-e00004.key")), 0);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &folder), 0);
	for (uint16_t epoch = 1; epoch <= 4; epoch++)
		ck_assert_msg(protect_file_read_key(&folder, 1, epoch, got) == AEF_ERR_INVALID,
		              "%u: %s", epoch, error);
	protect_folder_close(&folder);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_folder_that_is_missing_or_none_is_refused)
{
	struct protect_folder folder;
	struct folder f;
	char path[400];

	folder_make(&f);
	ck_assert_int_eq(protect_folder_open(folder_file(&f, "no"), true, error, &folder),
	                 AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error, "aetherctl keys init"));
	folder_put(&f, "file", "", 0600);
	ck_assert_int_eq(protect_folder_open(folder_file(&f, "file"), true, error, &folder),
	                 AEF_ERR_INVALID);
	strcpy(path, folder_file(&f, "link"));
	ck_assert_int_eq(symlink(f.path, path), 0);
	ck_assert_int_eq(protect_folder_open(path, true, error, &folder), AEF_ERR_INVALID);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(protect_folder_open(path, true, error, &folder), AEF_ERR_IO);
	ck_assert_uint_lt(strlen(error), PROTECT_ERROR_MAX);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_folder_locked_by_another_is_not_waited_for_without_end)
{
	struct protect_folder reader, second;
	struct folder f;

	folder_make(&f);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &reader), 0);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &second), 0); /* readers share */
	protect_folder_close(&second);
	ck_assert_int_eq(protect_folder_open(f.path, true, error, &second), AEF_ERR_IO);
	ck_assert_ptr_nonnull(strstr(error, "locked"));
	protect_folder_close(&reader);
	ck_assert_int_eq(protect_folder_open(f.path, true, error, &second), 0);
	ck_assert_int_eq(protect_folder_open(f.path, false, error, &reader), AEF_ERR_IO);
	protect_folder_close(&second);
	folder_remove(&f);
}
END_TEST

/* No room on the disk: in a child, with a limit on the size of files. */
START_TEST(ring_file_that_cannot_be_written_whole_leaves_the_old_one)
{
	struct protect_folder folder;
	const struct rlimit few = { 3, 3 };
	const uint8_t key[PROTECT_RING_KEY_BYTES] = { 1 };
	struct folder f;
	int status;

	folder_make(&f);
	folder_put(&f, "g00001.current", "7\n", 0600);
	const pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (protect_folder_open(f.path, true, error, &folder) != 0 ||
		    setrlimit(RLIMIT_FSIZE, &few) != 0)
			_exit(1);
		if (protect_file_write_key(&folder, 1, 8, key) != AEF_ERR_IO)
			_exit(2);
		if (protect_file_write_current(&folder, 1, 12345) != AEF_ERR_IO)
			_exit(3);
		_exit(strstr(error, "make room") != NULL ? 42 : 4);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	ck_assert_str_eq(folder_get(&f, "g00001.current"), "7\n");
	ck_assert_uint_eq(folder_count(&f), 1); /* no half of a key */
	folder_remove(&f);
}
END_TEST

START_TEST(ring_file_left_by_a_crash_is_written_over)
{
	struct protect_folder folder;
	const uint8_t key[PROTECT_RING_KEY_BYTES] = { 1 };
	struct folder f;

	folder_make(&f);
	folder_put(&f, ".g00001-e00001.key.tmp", "half", 0600);
	ck_assert_int_eq(protect_folder_open(f.path, true, error, &folder), 0);
	ck_assert_int_eq(protect_file_write_key(&folder, 1, 1, key), 0);
	ck_assert_uint_eq(folder_count(&f), 1);
	protect_folder_close(&folder);
	folder_remove(&f);
}
END_TEST

TEST_SUITE(ring_file, &ring_file_name_is_read_back_for_every_kind_group_and_epoch,
           &ring_file_name_that_is_almost_right_is_called_broken,
           &ring_file_key_is_written_for_the_owner_alone_and_read_back,
           &ring_file_key_of_another_form_is_refused, &ring_file_current_of_another_form_is_refused,
           &ring_file_that_others_can_get_at_is_refused,
           &ring_file_that_is_no_plain_file_is_refused_without_waiting,
           &ring_file_folder_that_is_missing_or_none_is_refused,
           &ring_file_folder_locked_by_another_is_not_waited_for_without_end,
           &ring_file_that_cannot_be_written_whole_leaves_the_old_one,
           &ring_file_left_by_a_crash_is_written_over)
