/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_dir.c - key rings on disk: what a folder says, and how it changes.
 *
 * The order of changes is chosen so that a crash between two of them never brings a revoked key
 * back, and that doing the same thing again completes it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/err.h>
#include <crypto/provider.h>
#include <protect/mem.h>

#include "ring_file_priv.h"

#define FIRST_EPOCH 1u

/* One visit of a folder: it is open and locked, and `set` is what it holds of one group. */
struct visit {
	struct protect_folder folder;
	struct protect_ring_set *set; /* in secret memory */
};

/* What happens with each name of a folder. @return 0 to go on */
typedef int (*name_fn)(void *ctx, enum protect_file_kind kind, uint16_t group, uint16_t epoch);

static int
each_name(const struct protect_folder *folder, name_fn fn, void *ctx)
{
	/* Opened anew: a copy of the descriptor would share, and keep, the position. */
	const int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int rc = 0;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return protect_folder_fail(folder, AEF_ERR_IO,
		                           "cannot list the key-ring folder (%s): check its disk",
		                           strerror(errno));
	}
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		uint16_t group = 0, epoch = 0;
		const enum protect_file_kind kind =
			protect_file_parse(entry->d_name, &group, &epoch);

		if (kind == PROTECT_FILE_BROKEN)
			rc = protect_folder_fail(
				folder, AEF_ERR_INVALID,
				"%.60s is no name of a key-ring file: rename it to "
				"g00001-e00007.key and the like, or move it away",
				entry->d_name);
		else if (kind != PROTECT_FILE_OTHER)
			rc = fn(ctx, kind, group, epoch);
	}
	if (rc == 0 && entry == NULL && errno != 0)
		rc = protect_folder_fail(folder, AEF_ERR_IO,
		                         "cannot list the key-ring folder (%s): check its disk",
		                         strerror(errno));
	(void)closedir(dir); /* read only */
	return rc;
}

static int
note_name(void *ctx, enum protect_file_kind kind, uint16_t group, uint16_t epoch)
{
	struct protect_ring_set *set = ctx;

	if (group == set->group && kind == PROTECT_FILE_KEY)
		protect_ring_bit_set(&set->stored, epoch);
	if (group == set->group && kind == PROTECT_FILE_REVOKED)
		protect_ring_bit_set(&set->revoked, epoch);
	return 0;
}

/* Read the keys around the current epoch. Two epochs with one key would make revoking useless. */
static int
read_live(const struct visit *visit)
{
	struct protect_ring_set *set = visit->set;

	set->nb = 0;
	for (unsigned i = 0; i < PROTECT_RING_LIVE; i++) {
		const uint16_t epoch = (uint16_t)(set->current - 1 + i);
		uint8_t *key = set->key[set->nb];

		if (!protect_ring_bit(&set->stored, epoch) ||
		    protect_ring_bit(&set->revoked, epoch))
			continue;
		const int rc = protect_file_read_key(&visit->folder, set->group, epoch, key);

		if (rc != 0)
			return rc;
		for (unsigned k = 0; k < set->nb; k++) {
			if (crypto_equal(key, set->key[k], PROTECT_RING_KEY_BYTES))
				return protect_folder_fail(&visit->folder, AEF_ERR_INVALID,
				                           "epochs %u and %u of group %u have the "
				                           "same key: make a new one for the later",
				                           set->epoch[k], epoch, set->group);
		}
		set->epoch[set->nb++] = epoch;
	}
	return 0;
}

static int
read_set(const struct visit *visit, uint16_t group)
{
	struct protect_ring_set *set = visit->set;
	int rc;

	crypto_wipe(set, sizeof(*set));
	set->group = group;
	if ((rc = each_name(&visit->folder, note_name, set)) != 0)
		return rc;
	rc = protect_file_read_current(&visit->folder, group, &set->current);
	if (rc == AEF_ERR_NOTFOUND)
		return 0;
	set->has_current = rc == 0;
	return rc != 0 ? rc : read_live(visit);
}

static void
leave(struct visit *visit)
{
	protect_folder_close(&visit->folder);
	protect_mem_free(visit->set, sizeof(*visit->set));
	visit->set = NULL;
}

static int
enter(const char *dir, uint16_t group, bool change, char *error, struct visit *visit)
{
	void *mem;
	int rc = protect_mem_alloc(sizeof(*visit->set), &mem);

	*visit = (struct visit){ .folder = { .fd = -1, .error = error } };
	if (rc != 0)
		return protect_folder_fail(&visit->folder, rc,
		                           "there is no memory that can be locked for keys: raise "
		                           "the limit (ulimit -l)");
	visit->set = mem;
	if ((rc = protect_folder_open(dir, change, error, &visit->folder)) != 0 ||
	    (rc = read_set(visit, group)) != 0)
		leave(visit);
	return rc;
}

/* A node can work with it: there is a current epoch, and its key is there and not revoked. */
static int
check_usable(const struct visit *visit)
{
	const struct protect_ring_set *set = visit->set;

	if (!set->has_current)
		return protect_folder_fail(&visit->folder, AEF_ERR_NOTFOUND,
		                           "group %u has no current epoch in the key-ring folder: "
		                           "run `aetherctl keys init` for it, or correct the group",
		                           set->group);
	if (protect_ring_bit(&set->revoked, set->current))
		return protect_folder_fail(
			&visit->folder, AEF_ERR_NOTFOUND,
			"epoch %u of group %u is current and revoked: run "
			"`aetherctl keys revoke` again, which makes the next one "
			"current",
			set->current, set->group);
	if (!protect_ring_bit(&set->stored, set->current))
		return protect_folder_fail(&visit->folder, AEF_ERR_NOTFOUND,
		                           "the key file g%05u-e%05u.key of the current epoch is "
		                           "missing: put it there",
		                           set->group, set->current);
	return 0;
}

static int
no_epoch_left(const struct visit *visit)
{
	return protect_folder_fail(&visit->folder, AEF_ERR_LIMIT,
	                           "every epoch of group %u is revoked: use another group",
	                           visit->set->group);
}

static int
write_new_key(const struct visit *visit, uint16_t epoch)
{
	uint8_t key[PROTECT_RING_KEY_BYTES];
	int rc = protect_random(key, sizeof(key));

	if (rc != 0)
		rc = protect_folder_fail(&visit->folder, rc,
		                         "the system gives no random bytes: try again later");
	else
		rc = protect_file_write_key(&visit->folder, visit->set->group, epoch, key);
	crypto_wipe(key, sizeof(key));
	return rc;
}

int
protect_ring_open(const char *dir, uint16_t group, struct protect_ring **ret_ring,
                  char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit;
	int rc;

	*ret_ring = NULL;
	if ((rc = enter(dir, group, false, ret_error, &visit)) != 0)
		return rc;
	if ((rc = check_usable(&visit)) == 0 && strlen(dir) >= PATH_MAX)
		rc = protect_folder_fail(&visit.folder, AEF_ERR_INVALID,
		                         "the path of the key-ring folder is too long: use a "
		                         "shorter one");
	if (rc == 0 && (rc = protect_ring_alloc(group, ret_ring)) != 0)
		rc = protect_folder_fail(&visit.folder, rc,
		                         "memory for keys cannot be had or locked: raise the limit "
		                         "(ulimit -l)");
	if (rc == 0) {
		(*ret_ring)->has_dir = true;
		memcpy((*ret_ring)->dir, dir, strlen(dir) + 1);
		protect_ring_apply(*ret_ring, visit.set);
	}
	leave(&visit);
	return rc;
}

int
protect_ring_reload(struct protect_ring *ring, char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit = { .folder = { .fd = -1, .error = ret_error } };
	int rc;

	if (!ring->has_dir)
		return protect_folder_fail(&visit.folder, AEF_ERR_STATE,
		                           "this key ring is in memory only: configure a key-ring "
		                           "folder, then there is something to reload");
	if ((rc = enter(ring->dir, ring->group, false, ret_error, &visit)) != 0)
		return rc;
	if ((rc = check_usable(&visit)) == 0 &&
	    protect_ring_bit(&ring->revoked, visit.set->current))
		rc = protect_folder_fail(&visit.folder, AEF_ERR_NOTFOUND,
		                         "epoch %u is revoked here, but the folder has it as the "
		                         "current one: run `aetherctl keys revoke` on the folder",
		                         visit.set->current);
	if (rc == 0)
		protect_ring_apply(ring, visit.set);
	leave(&visit);
	return rc;
}

/* Refuse first, then see to a successor; each step may have been done by an earlier try. */
static int
revoke_on_disk(const struct visit *visit, uint16_t epoch, const uint8_t *new_key)
{
	struct protect_ring_set *set = visit->set;
	uint16_t next;
	int rc = 0;

	if (protect_ring_bit(&set->stored, epoch))
		rc = protect_file_revoke(&visit->folder, set->group, epoch);
	if (rc != 0 || !set->has_current || set->current != epoch)
		return rc;
	protect_ring_bit_set(&set->revoked, epoch);
	if (!protect_ring_next(&set->revoked, epoch, &next))
		return no_epoch_left(visit);
	if (!protect_ring_bit(&set->stored, next))
		rc = new_key != NULL
		             ? protect_file_write_key(&visit->folder, set->group, next, new_key)
		             : write_new_key(visit, next);
	return rc != 0 ? rc : protect_file_write_current(&visit->folder, set->group, next);
}

/* The folder's part of a revocation, and what it says then. */
static int
revoke_in_folder(struct protect_ring *ring, uint16_t epoch, const uint8_t *new_key, char *error)
{
	struct visit visit;
	int rc = enter(ring->dir, ring->group, true, error, &visit);

	if (rc != 0)
		return rc;
	if ((rc = revoke_on_disk(&visit, epoch, new_key)) == 0 &&
	    (rc = read_set(&visit, ring->group)) == 0 && (rc = check_usable(&visit)) == 0 &&
	    !protect_ring_bit(&ring->revoked, visit.set->current))
		protect_ring_apply(ring, visit.set);
	leave(&visit);
	return rc;
}

int
protect_ring_revoke(struct protect_ring *ring, uint16_t epoch, char ret_error[PROTECT_ERROR_MAX])
{
	struct protect_folder report = { .fd = -1 };
	uint8_t new_key[PROTECT_RING_KEY_BYTES];
	char cause[PROTECT_ERROR_MAX];
	int rc;

	report.error = ret_error;
	if ((rc = protect_random(new_key, sizeof(new_key))) != 0)
		return protect_folder_fail(&report, rc,
		                           "the system gives no random bytes: stop this node");
	rc = protect_ring_refuse(ring, epoch, new_key);
	if (rc == AEF_ERR_NOTFOUND)
		rc = protect_folder_fail(&report, rc,
		                         "group %u has no key of epoch %u: look at `aetherctl keys "
		                         "list`",
		                         ring->group, epoch);
	else if (rc != 0)
		rc = protect_folder_fail(&report, rc,
		                         "every epoch of group %u is revoked: use another group",
		                         ring->group);
	else if (ring->has_dir && revoke_in_folder(ring, epoch, new_key, cause) != 0)
		rc = protect_folder_fail(&report, AEF_ERR_IO,
		                         "epoch %u is refused until this process ends, but not in "
		                         "the folder: %.150s",
		                         epoch, cause);
	crypto_wipe(new_key, sizeof(new_key));
	return rc;
}

/* Make the folder if it is not there; its parent must know of it before it matters. */
static int
make_folder(const char *dir, char *error)
{
	struct protect_folder report = { .fd = -1 };

	report.error = error;
	if (mkdir(dir, S_IRWXU) != 0)
		return errno == EEXIST
		               ? 0
		               : protect_folder_fail(&report, AEF_ERR_IO,
		                                     "cannot make the folder %.120s (%s): correct "
		                                     "the path or its permissions",
		                                     dir, strerror(errno));
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int up = fd >= 0 ? openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const bool synced = up >= 0 && fsync(up) == 0;

	if (up >= 0)
		(void)close(up);
	if (fd >= 0)
		(void)close(fd);
	return synced ? 0
	              : protect_folder_fail(&report, AEF_ERR_IO,
	                                    "cannot sync the folder above %.120s: check its disk",
	                                    dir);
}

/* The first epoch of an empty ring; the key may be there already, from a try that was cut short. */
static int
init_set(const struct visit *visit)
{
	const struct protect_ring_set *set = visit->set;
	uint16_t epoch = FIRST_EPOCH;
	int rc = 0;

	if (set->has_current)
		return protect_folder_fail(&visit->folder, AEF_ERR_EXISTS,
		                           "group %u has a key ring there already: use `aetherctl "
		                           "keys add` and `promote`",
		                           set->group);
	for (unsigned i = 0; i < PROTECT_RING_WORDS; i++) {
		const uint64_t first = i == 0 ? 1ull << FIRST_EPOCH : 0;

		if ((set->stored.word[i] & ~first) != 0)
			return protect_folder_fail(&visit->folder, AEF_ERR_INVALID,
			                           "group %u has keys there but no current epoch: "
			                           "write its number into g%05u.current",
			                           set->group, set->group);
	}
	if (protect_ring_bit(&set->revoked, epoch) &&
	    !protect_ring_next(&set->revoked, epoch, &epoch))
		return no_epoch_left(visit);
	if (!protect_ring_bit(&set->stored, epoch))
		rc = write_new_key(visit, epoch);
	return rc != 0 ? rc : protect_file_write_current(&visit->folder, set->group, epoch);
}

int
protect_ring_dir_init(const char *dir, uint16_t group, char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit;
	int rc;

	if ((rc = make_folder(dir, ret_error)) != 0 ||
	    (rc = enter(dir, group, true, ret_error, &visit)) != 0)
		return rc;
	rc = init_set(&visit);
	leave(&visit);
	return rc;
}

/* Enter to change a usable ring; the epoch after the current one goes to @p ret_next. */
static int
enter_usable(const char *dir, uint16_t group, char *error, struct visit *visit, uint16_t *ret_next)
{
	int rc = enter(dir, group, true, error, visit);

	if (rc != 0)
		return rc;
	if ((rc = check_usable(visit)) == 0 &&
	    !protect_ring_next(&visit->set->revoked, visit->set->current, ret_next))
		rc = no_epoch_left(visit);
	if (rc != 0)
		leave(visit);
	return rc;
}

int
protect_ring_dir_add(const char *dir, uint16_t group, uint16_t *ret_epoch,
                     char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit;
	uint16_t next;
	int rc = enter_usable(dir, group, ret_error, &visit, &next);

	if (rc != 0)
		return rc;
	rc = write_new_key(&visit, next);
	if (rc == 0)
		*ret_epoch = next;
	leave(&visit);
	return rc;
}

/* Remove keys that are two and more epochs behind; half of the circle counts as behind. */
static int
remove_past(const struct visit *visit, uint16_t current)
{
	int rc = 0;

	for (uint32_t behind = 2; behind < 32768 && rc == 0; behind++) {
		const uint16_t epoch = (uint16_t)(current - behind);

		if (protect_ring_bit(&visit->set->stored, epoch))
			rc = protect_file_remove_key(&visit->folder, visit->set->group, epoch);
	}
	return rc;
}

int
protect_ring_dir_promote(const char *dir, uint16_t group, uint16_t *ret_epoch,
                         char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit;
	uint8_t key[PROTECT_RING_KEY_BYTES];
	uint16_t next;
	int rc = enter_usable(dir, group, ret_error, &visit, &next);

	if (rc != 0)
		return rc;
	if (!protect_ring_bit(&visit.set->stored, next))
		rc = protect_folder_fail(
			&visit.folder, AEF_ERR_NOTFOUND,
			"there is no key of epoch %u yet: run `aetherctl keys add`, "
			"hand it to every node, then promote",
			next);
	else
		rc = protect_file_read_key(&visit.folder, group, next, key);
	if (rc == 0)
		rc = protect_file_write_current(&visit.folder, group, next);
	if (rc == 0) {
		*ret_epoch = next;
		rc = remove_past(&visit, next);
	}
	crypto_wipe(key, sizeof(key));
	leave(&visit);
	return rc;
}

int
protect_ring_dir_revoke(const char *dir, uint16_t group, uint16_t epoch,
                        char ret_error[PROTECT_ERROR_MAX])
{
	struct visit visit;
	int rc = enter(dir, group, true, ret_error, &visit);

	if (rc != 0)
		return rc;
	if (!protect_ring_bit(&visit.set->stored, epoch) &&
	    !protect_ring_bit(&visit.set->revoked, epoch))
		rc = protect_folder_fail(
			&visit.folder, AEF_ERR_NOTFOUND,
			"group %u has no key of epoch %u there: look at `aetherctl "
			"keys list`",
			group, epoch);
	else
		rc = revoke_on_disk(&visit, epoch, NULL);
	leave(&visit);
	return rc;
}

/* ---- the list ----------------------------------------------------------------------------------
 */

struct list {
	struct protect_ring_entry *entries;
	unsigned nb, max;
};

static uint32_t
rank(uint16_t group, uint16_t epoch)
{
	return (uint32_t)group << 16 | epoch;
}

/* Insert in order; when it is full the last one is left out. A revoked file beats a key. */
static int
list_name(void *ctx, enum protect_file_kind kind, uint16_t group, uint16_t epoch)
{
	struct list *list = ctx;
	const enum protect_key_state state =
		kind == PROTECT_FILE_REVOKED ? PROTECT_KEY_REVOKED : PROTECT_KEY_PAST;
	unsigned at = list->nb;

	if (kind == PROTECT_FILE_CURRENT)
		return 0;
	while (at > 0 &&
	       rank(list->entries[at - 1].group, list->entries[at - 1].epoch) >= rank(group, epoch))
		at--;
	if (at < list->nb && list->entries[at].group == group && list->entries[at].epoch == epoch) {
		list->entries[at].state = PROTECT_KEY_REVOKED;
		return 0;
	}
	if (at == list->max)
		return 0;
	const unsigned behind = (list->nb < list->max ? list->nb : list->max - 1) - at;

	memmove(&list->entries[at + 1], &list->entries[at], behind * sizeof(*list->entries));
	list->entries[at] = (struct protect_ring_entry){ group, epoch, state };
	list->nb = at + 1 + behind;
	return 0;
}

/* States of the keys of one group that are not revoked. */
static int
list_states(const struct protect_folder *folder, struct list *list, unsigned first, unsigned end)
{
	uint16_t current;
	const int rc = protect_file_read_current(folder, list->entries[first].group, &current);

	if (rc == AEF_ERR_NOTFOUND)
		return 0;
	for (unsigned i = first; rc == 0 && i < end; i++) {
		struct protect_ring_entry *entry = &list->entries[i];

		if (entry->state != PROTECT_KEY_REVOKED && protect_ring_near(current, entry->epoch))
			entry->state =
				entry->epoch == current ? PROTECT_KEY_CURRENT : PROTECT_KEY_READY;
	}
	return rc;
}

int
protect_ring_dir_list(const char *dir, struct protect_ring_entry *ret_entries, unsigned max,
                      char ret_error[PROTECT_ERROR_MAX])
{
	struct list list = { .entries = ret_entries, .max = max };
	struct protect_folder folder;
	unsigned first = 0;
	int rc = protect_folder_open(dir, false, ret_error, &folder);

	if (rc != 0)
		return rc;
	rc = each_name(&folder, list_name, &list);
	for (unsigned i = 1; rc == 0 && i <= list.nb; i++) {
		if (i < list.nb && ret_entries[i].group == ret_entries[first].group)
			continue;
		rc = list_states(&folder, &list, first, i);
		first = i;
	}
	protect_folder_close(&folder);
	return rc != 0 ? rc : (int)list.nb;
}
