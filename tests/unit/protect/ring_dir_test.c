/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_dir_test.c - a ring on disk through its life: made, rotated, revoked, reloaded, cut short.
 */
#include <base/err.h>
#include <crypto/token.h>

#include "folder.h"
#include "ring_priv.h"

static char error[PROTECT_ERROR_MAX];
static struct protect_aead_work work;
static struct folder f;

static int
seal(struct protect_ring *ring, uint16_t epoch, uint8_t token[CRYPTO_TOKEN_BYTES])
{
	memset(token, 0x31, CRYPTO_TOKEN_BYTES);
	return protect_ring_seal(ring, protect_ring_group(ring), epoch, &work, token);
}

static int
unseal(struct protect_ring *ring, uint16_t epoch, const uint8_t token[CRYPTO_TOKEN_BYTES])
{
	uint8_t copy[CRYPTO_TOKEN_BYTES];

	memcpy(copy, token, sizeof(copy));
	return protect_ring_unseal(ring, protect_ring_group(ring), epoch, &work, copy);
}

static struct protect_ring *
opened(uint16_t group)
{
	struct protect_ring *ring;

	ck_assert_msg(protect_ring_open(f.path, group, &ring, error) == 0, "%s", error);
	return ring;
}

static void
expect_open(uint16_t group, int want, const char *says)
{
	struct protect_ring *ring = (void *)&work;

	error[0] = '\0';
	ck_assert_int_eq(protect_ring_open(f.path, group, &ring, error), want);
	ck_assert_ptr_null(ring);
	ck_assert_msg(strstr(error, says) != NULL, "%s", error);
}

START_TEST(ring_dir_init_makes_a_private_folder_with_one_usable_key)
{
	char path[200];
	struct stat st;

	folder_make(&f);
	strcpy(path, folder_file(&f, "keys"));
	ck_assert_int_eq(protect_ring_dir_init(path, 1, error), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(protect_ring_dir_init(path, 1, error), AEF_ERR_EXISTS);
	ck_assert_int_eq(protect_ring_dir_init(path, 2, error), 0); /* another group beside it */

	struct protect_ring *one, *two;
	uint8_t token[CRYPTO_TOKEN_BYTES];

	ck_assert_int_eq(protect_ring_open(path, 1, &one, error), 0);
	ck_assert_int_eq(protect_ring_open(path, 2, &two, error), 0);
	ck_assert_uint_eq(protect_ring_current(one), 1);
	ck_assert_int_eq(seal(one, 1, token), 0);
	ck_assert_int_eq(unseal(one, 1, token), 0);
	ck_assert_int_eq(unseal(two, 1, token), AEF_ERR_AUTH);
	protect_ring_close(one);
	protect_ring_close(two);
	ck_assert_int_eq(protect_ring_dir_init(folder_file(&f, "no/such/place"), 1, error),
	                 AEF_ERR_IO);

	struct folder inner = f;

	strcpy(inner.path, path);
	folder_remove(&inner);
	folder_remove(&f);
}
END_TEST

/* hand out, make current, remove; issuers and nodes change one after the other. */
START_TEST(ring_dir_rotation_refuses_no_valid_token)
{
	uint8_t before[CRYPTO_TOKEN_BYTES], after[CRYPTO_TOKEN_BYTES];
	uint16_t epoch;

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	struct protect_ring *node = opened(1), *issuer = opened(1);

	for (uint16_t e = 1; e < 12; e++) {
		ck_assert_int_eq(seal(issuer, e, before), 0);
		ck_assert_int_eq(protect_ring_dir_promote(f.path, 1, &epoch, error),
		                 AEF_ERR_NOTFOUND);
		ck_assert_ptr_nonnull(strstr(error, "keys add"));
		ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error), 0);
		ck_assert_uint_eq(epoch, e + 1);
		ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error), AEF_ERR_EXISTS);
		ck_assert_int_eq(protect_ring_reload(node, error), 0);
		ck_assert_int_eq(protect_ring_state(node, (uint16_t)(e + 1)), PROTECT_KEY_READY);
		ck_assert_int_eq(unseal(node, e, before), 0);
		ck_assert_int_eq(protect_ring_dir_promote(f.path, 1, &epoch, error), 0);
		ck_assert_uint_eq(epoch, e + 1);
		ck_assert_int_eq(protect_ring_reload(issuer, error), 0);
		ck_assert_int_eq(seal(issuer, protect_ring_current(issuer), after), 0);
		ck_assert_int_eq(unseal(node, (uint16_t)(e + 1), after), 0); /* not reloaded yet */
		ck_assert_int_eq(protect_ring_reload(node, error), 0);
		ck_assert_int_eq(unseal(node, e, before), 0);
		ck_assert_int_eq(unseal(node, (uint16_t)(e + 1), after), 0);
	}
	ck_assert_int_eq(unseal(node, 10, before), AEF_ERR_NOTFOUND);
	ck_assert_uint_eq(folder_count(&f), 3); /* e - 1, e, current */
	protect_ring_close(node);
	protect_ring_close(issuer);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_epochs_go_round_at_65535)
{
	uint8_t token[CRYPTO_TOKEN_BYTES];
	uint16_t epoch;

	folder_make(&f);
	folder_put_key(&f, "g00001-e65534.key", '1');
	folder_put_key(&f, "g00001-e65535.key", '2');
	folder_put(&f, "g00001.current", "65535\n", 0600);
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(seal(node, 65535, token), 0);
	ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error), 0);
	ck_assert_uint_eq(epoch, 0);
	ck_assert_int_eq(protect_ring_dir_promote(f.path, 1, &epoch, error), 0);
	ck_assert_uint_eq(epoch, 0);
	ck_assert_int_eq(protect_ring_reload(node, error), 0);
	ck_assert_int_eq(unseal(node, 65535, token), 0);
	ck_assert_int_eq(protect_ring_state(node, 65534), PROTECT_KEY_NONE);
	ck_assert(!folder_has(&f, "g00001-e65534.key"));
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

/* at once, and after a restart. */
START_TEST(ring_dir_revocation_holds_in_memory_on_disk_and_after_a_restart)
{
	uint8_t token[CRYPTO_TOKEN_BYTES], next[CRYPTO_TOKEN_BYTES];
	struct protect_ring *again;

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(seal(node, 1, token), 0);
	ck_assert_int_eq(protect_ring_revoke(node, 9, error), AEF_ERR_NOTFOUND);
	ck_assert_msg(protect_ring_revoke(node, 1, error) == 0, "%s", error);
	ck_assert_int_eq(unseal(node, 1, token), AEF_ERR_DENIED);
	ck_assert_uint_eq(protect_ring_current(node), 2); /* made, for there was none */
	ck_assert_int_eq(seal(node, 2, next), 0);

	ck_assert(folder_has(&f, "g00001-e00001.revoked") && !folder_has(&f, "g00001-e00001.key"));
	ck_assert_str_eq(folder_get(&f, "g00001.current"), "2\n");
	again = opened(1);
	ck_assert_int_eq(unseal(again, 1, token), AEF_ERR_DENIED);
	ck_assert_int_eq(unseal(again, 2, next), 0); /* the same new key */
	ck_assert_int_eq(protect_ring_state(again, 1), PROTECT_KEY_REVOKED);
	protect_ring_close(again);
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_revoked_epoch_is_never_used_again)
{
	uint16_t epoch;

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error), 0);
	ck_assert_int_eq(protect_ring_dir_revoke(f.path, 1, 2, error), 0); /* the one to come */
	ck_assert_str_eq(folder_get(&f, "g00001.current"), "1\n");
	ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error), 0);
	ck_assert_uint_eq(epoch, 3);
	ck_assert_int_eq(protect_ring_dir_promote(f.path, 1, &epoch, error), 0);
	ck_assert_uint_eq(epoch, 3);
	ck_assert(folder_has(&f, "g00001-e00002.revoked"));
	/* Somebody copies the key back: revoked it stays. */
	folder_put_key(&f, "g00001-e00002.key", '7');
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(protect_ring_state(node, 2), PROTECT_KEY_REVOKED);
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_revoking_offline_reaches_a_node_that_reloads)
{
	uint8_t token[CRYPTO_TOKEN_BYTES];

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(seal(node, 1, token), 0);
	ck_assert_int_eq(protect_ring_dir_revoke(f.path, 1, 4, error), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(protect_ring_dir_revoke(f.path, 1, 1, error), 0);
	ck_assert_int_eq(unseal(node, 1, token), 0); /* it does not know yet */
	ck_assert_int_eq(protect_ring_reload(node, error), 0);
	ck_assert_int_eq(unseal(node, 1, token), AEF_ERR_DENIED);
	ck_assert_uint_eq(protect_ring_current(node), 2);
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_revoke_cut_short_anywhere_is_completed_by_the_next)
{
	uint16_t epoch;

	for (unsigned done = 0; done < 3; done++) {
		folder_make(&f);
		ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
		if (done >= 1) { /* the crash came after the rename */
			char from[400];

			strcpy(from, folder_file(&f, "g00001-e00001.key"));
			ck_assert_int_eq(rename(from, folder_file(&f, "g00001-e00001.revoked")), 0);
			expect_open(1, AEF_ERR_NOTFOUND, "keys revoke");
			ck_assert_int_eq(protect_ring_dir_add(f.path, 1, &epoch, error),
			                 AEF_ERR_NOTFOUND);
		}
		if (done >= 2) /* after the new key */
			folder_put_key(&f, "g00001-e00002.key", '5');
		ck_assert_int_eq(protect_ring_dir_revoke(f.path, 1, 1, error), 0);
		struct protect_ring *node = opened(1);

		ck_assert_uint_eq(protect_ring_current(node), 2);
		ck_assert_int_eq(protect_ring_state(node, 1), PROTECT_KEY_REVOKED);
		protect_ring_close(node);
		folder_remove(&f);
	}
}
END_TEST

START_TEST(ring_dir_init_cut_short_is_completed_and_other_keys_are_not_guessed_about)
{
	folder_make(&f);
	folder_put_key(&f, "g00001-e00001.key", '5');
	expect_open(1, AEF_ERR_NOTFOUND, "keys init");
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	ck_assert_str_eq(folder_get(&f, "g00001.current"), "1\n");
	ck_assert_int_eq(folder_get(&f, "g00001-e00001.key")[0], '5');
	folder_put_key(&f, "g00002-e00041.key", '6');
	ck_assert_int_eq(protect_ring_dir_init(f.path, 2, error), AEF_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(error, "g00002.current"));
	folder_put_key(&f, "g00003-e00001.revoked", '7');
	ck_assert_int_eq(protect_ring_dir_init(f.path, 3, error), 0);
	ck_assert_str_eq(folder_get(&f, "g00003.current"), "2\n");
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_that_is_wrong_is_refused_with_what_to_do)
{
	struct protect_ring *ring;

	folder_make(&f);
	expect_open(1, AEF_ERR_NOTFOUND, "no current epoch");
	folder_put(&f, "g00001.current", "5\n", 0600);
	expect_open(1, AEF_ERR_NOTFOUND, "g00001-e00005.key");
	folder_put_key(&f, "g00001-e00005.key", '5');
	ring = opened(1);
	protect_ring_close(ring);

	folder_put(&f, "g00001-e00006.key", "not a key\n", 0600);
	expect_open(1, AEF_ERR_INVALID, "g00001-e00006.key");
	folder_put_key(&f, "g00001-e00006.key", '5');
	expect_open(1, AEF_ERR_INVALID, "same key");
	folder_put_key(&f, "g00001-e00006.key", '6');
	ck_assert_int_eq(chmod(folder_file(&f, "g00001-e00006.key"), 0644), 0);
	expect_open(1, AEF_ERR_AUTH, "chmod 0600");
	ck_assert_int_eq(chmod(folder_file(&f, "g00001-e00006.key"), 0600), 0);
	folder_put_key(&f, "g1-e7.key", '6');
	expect_open(1, AEF_ERR_INVALID, "g1-e7.key");
	ck_assert_int_eq(unlink(folder_file(&f, "g1-e7.key")), 0);
	folder_put(&f, "g00001.current", "five\n", 0600);
	expect_open(1, AEF_ERR_INVALID, "g00001.current");
	folder_put(&f, "g00001.current", "5\n", 0600);
	ck_assert_int_eq(chmod(f.path, 0755), 0);
	expect_open(1, AEF_ERR_AUTH, "chmod 0700");
	ck_assert_int_eq(chmod(f.path, 0700), 0);
	folder_put(&f, "notes.txt", "what is not ours does not matter", 0644);
	ring = opened(1);
	protect_ring_close(ring);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_reload_of_a_wrong_folder_changes_nothing)
{
	uint8_t token[CRYPTO_TOKEN_BYTES];

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(seal(node, 1, token), 0);
	folder_put(&f, "g00001-e00002.key", "rubbish", 0600);
	ck_assert_int_eq(protect_ring_reload(node, error), AEF_ERR_INVALID);
	ck_assert_int_eq(unseal(node, 1, token), 0);
	ck_assert_int_eq(protect_ring_state(node, 2), PROTECT_KEY_NONE);
	ck_assert_int_eq(unlink(folder_file(&f, "g00001.current")), 0);
	ck_assert_int_eq(unlink(folder_file(&f, "g00001-e00002.key")), 0);
	ck_assert_int_eq(protect_ring_reload(node, error), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(unseal(node, 1, token), 0);
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_revocation_the_folder_could_not_take_still_holds_in_memory)
{
	uint8_t token[CRYPTO_TOKEN_BYTES];

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_init(f.path, 1, error), 0);
	struct protect_ring *node = opened(1);

	ck_assert_int_eq(seal(node, 1, token), 0);
	ck_assert_int_eq(chmod(f.path, 0750), 0); /* then it is refused as a whole */
	ck_assert_int_eq(protect_ring_revoke(node, 1, error), AEF_ERR_IO);
	ck_assert_ptr_nonnull(strstr(error, "not in the folder"));
	ck_assert_ptr_nonnull(strstr(error, "chmod 0700"));
	ck_assert_int_eq(unseal(node, 1, token), AEF_ERR_DENIED);
	ck_assert_int_eq(chmod(f.path, 0700), 0);
	ck_assert_int_eq(protect_ring_reload(node, error), AEF_ERR_NOTFOUND); /* not brought back */
	ck_assert_ptr_nonnull(strstr(error, "keys revoke"));
	ck_assert_int_eq(unseal(node, 1, token), AEF_ERR_DENIED);
	ck_assert_int_eq(protect_ring_revoke(node, 1, error), 0); /* once more, all of it */
	ck_assert_str_eq(folder_get(&f, "g00001.current"), "2\n");
	ck_assert_int_eq(protect_ring_reload(node, error), 0);
	ck_assert_int_eq(seal(node, 2, token), 0);
	protect_ring_close(node);
	folder_remove(&f);
}
END_TEST

START_TEST(ring_dir_list_is_sorted_and_says_the_state_of_each)
{
	static const struct protect_ring_entry want[] = {
		{ 1, 3, PROTECT_KEY_PAST },      { 1, 6, PROTECT_KEY_REVOKED },
		{ 1, 7, PROTECT_KEY_CURRENT },   { 1, 8, PROTECT_KEY_READY },
		{ 1, 9, PROTECT_KEY_PAST },      { 2, 0, PROTECT_KEY_CURRENT },
		{ 2, 65535, PROTECT_KEY_READY }, { 300, 1, PROTECT_KEY_PAST },
	};
	struct protect_ring_entry got[20];

	folder_make(&f);
	ck_assert_int_eq(protect_ring_dir_list(f.path, got, 20, error), 0);
	folder_put_key(&f, "g00002-e65535.key", '1');
	folder_put_key(&f, "g00001-e00008.key", '1');
	folder_put_key(&f, "g00001-e00006.revoked", '1');
	folder_put_key(&f, "g00001-e00006.key", '1');
	folder_put_key(&f, "g00001-e00009.key", '1');
	folder_put_key(&f, "g00001-e00003.key", '1');
	folder_put_key(&f, "g00300-e00001.key", '1');
	folder_put_key(&f, "g00001-e00007.key", '1');
	folder_put_key(&f, "g00002-e00000.key", '1');
	folder_put(&f, "g00001.current", "7\n", 0600);
	folder_put(&f, "g00002.current", "0\n", 0600);

	ck_assert_int_eq(protect_ring_dir_list(f.path, got, 20, error), AEF_DIM(want));
	for (unsigned i = 0; i < AEF_DIM(want); i++) {
		ck_assert_uint_eq(got[i].group, want[i].group);
		ck_assert_uint_eq(got[i].epoch, want[i].epoch);
		ck_assert_msg(got[i].state == want[i].state, "entry %u: %d", i, got[i].state);
	}
	for (unsigned max = 0; max < AEF_DIM(want); max++) {
		memset(got, 0xee, sizeof(got));
		ck_assert_int_eq(protect_ring_dir_list(f.path, got, max, error), (int)max);
		for (unsigned i = 0; i < max; i++)
			ck_assert_uint_eq(got[i].epoch, want[i].epoch);
		ck_assert_uint_eq(got[max].epoch, 0xeeee);
	}
	folder_put_key(&f, "gx.key", '1');
	ck_assert_int_eq(protect_ring_dir_list(f.path, got, 20, error), AEF_ERR_INVALID);
	folder_remove(&f);
}
END_TEST

TEST_SUITE(ring_dir, &ring_dir_init_makes_a_private_folder_with_one_usable_key,
           &ring_dir_rotation_refuses_no_valid_token, &ring_dir_epochs_go_round_at_65535,
           &ring_dir_revocation_holds_in_memory_on_disk_and_after_a_restart,
           &ring_dir_revoked_epoch_is_never_used_again,
           &ring_dir_revoking_offline_reaches_a_node_that_reloads,
           &ring_dir_revoke_cut_short_anywhere_is_completed_by_the_next,
           &ring_dir_init_cut_short_is_completed_and_other_keys_are_not_guessed_about,
           &ring_dir_that_is_wrong_is_refused_with_what_to_do,
           &ring_dir_reload_of_a_wrong_folder_changes_nothing,
           &ring_dir_revocation_the_folder_could_not_take_still_holds_in_memory,
           &ring_dir_list_is_sorted_and_says_the_state_of_each)
