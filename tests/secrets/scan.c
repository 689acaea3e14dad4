/* SPDX-License-Identifier: BSD-3-Clause */
#include "scan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK      (1u << 20)
#define PAGE       4096u
#define PRINT_MAX  12u
#define PM_PRESENT (3ull << 62) /* in memory or swapped out */

static unsigned nb_printed;
static bool telling = true;

struct place {
	struct scan_result *result;
	bool guarded;
	char mapping[256];
};

static void
found(void *arg, uint64_t at, const char *what)
{
	struct place *place = arg;

	if (place->guarded) {
		place->result->guarded++;
		return;
	}
	place->result->leaked++;
	if (telling && nb_printed++ < PRINT_MAX)
		printf("note: leak at %#" PRIx64 " of %s: %s\n", at, place->mapping, what);
}

/*
 * Pages that were never touched hold nothing; reading them would only make them. Up to a chunk of
 * pages that are there; @return its length, 0: skip one page.
 */
static size_t
run_of(int pagemap, uint64_t addr, uint64_t end)
{
	static uint64_t entries[CHUNK / PAGE];
	const size_t pages = aef_min_u64(CHUNK, end - addr) / PAGE;
	size_t nb = 0;

	if (pagemap < 0 ||
	    pread(pagemap, entries, pages * 8, (off_t)(addr / PAGE * 8)) != (ssize_t)(pages * 8))
		return pages * PAGE;
	while (nb < pages && (entries[nb] & PM_PRESENT) != 0)
		nb++;
	return nb * PAGE;
}

/* Runs of 8 bytes over the border of two chunks count, too: the last 7 bytes come again. */
static void
scan_mapping(const struct needles *n, int mem, int pagemap, uint64_t addr, uint64_t end,
             struct place *place)
{
	static uint8_t buf[CHUNK + NEEDLE_BYTES];
	size_t kept = 0;

	while (addr < end) {
		const size_t len = run_of(pagemap, addr, end);
		const ssize_t got = len > 0 ? pread(mem, buf + kept, len, (off_t)addr) : 0;

		if (got <= 0) {
			addr += PAGE;
			kept = 0;
			continue;
		}
		(void)needles_search(n, buf, kept + (size_t)got, addr - kept, found, place);
		place->result->bytes += (uint64_t)got;
		addr += (uint64_t)got;
		if ((size_t)got + kept >= NEEDLE_BYTES) {
			memmove(buf, buf + kept + got - (NEEDLE_BYTES - 1), NEEDLE_BYTES - 1);
			kept = NEEDLE_BYTES - 1;
		}
	}
}

void
scan_tell(bool on)
{
	telling = on;
}

/* Locked, left out of dumps, not inherited: what protect_mem_alloc() promises. */
static bool
is_guarded(const char *flags)
{
	return strstr(flags, " lo ") != NULL && strstr(flags, " dd ") != NULL &&
	       strstr(flags, " dc ") != NULL;
}

bool
scan_memory(const struct needles *needles, pid_t pid, enum scan_what what, struct scan_result *ret)
{
	char path[64], line[512];
	uint64_t addr = 0, end = 0;
	struct place place = { .result = ret };
	bool readable = false;
	int mem, pagemap;
	FILE *smaps;

	*ret = (struct scan_result){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	smaps = fopen(path, "re");
	if (mem < 0 || smaps == NULL)
		return false;
	/* A mapping's head line, then its figures; its flags come last. */
	while (fgets(line, sizeof(line), smaps) != NULL) {
		uint64_t from, to;
		char perms[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, perms) == 3) {
			addr = from;
			end = to;
			readable = perms[0] == 'r' && (what == SCAN_ALL || perms[1] == 'w') &&
			           strstr(line, "[vvar]") == NULL &&
			           strstr(line, "[vsyscall]") == NULL;
			line[strcspn(line, "\n")] = '\0';
			snprintf(place.mapping, sizeof(place.mapping), "%.250s", line);
		} else if (strncmp(line, "VmFlags:", 8) == 0 && readable) {
			place.guarded = is_guarded(line);
			if (what == SCAN_OPEN && place.guarded)
				continue;
			ret->mappings++;
			scan_mapping(needles, mem, pagemap, addr, end, &place);
		}
	}
	fclose(smaps);
	close(mem);
	if (pagemap >= 0)
		close(pagemap);
	return true;
}

bool
scan_file(const struct needles *needles, const char *path, struct scan_result *ret)
{
	static uint8_t buf[CHUNK + NEEDLE_BYTES];
	struct place place = { .result = ret };
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t kept = 0;
	ssize_t got;

	*ret = (struct scan_result){ 0 };
	snprintf(place.mapping, sizeof(place.mapping), "the core dump");
	if (fd < 0)
		return false;
	while ((got = read(fd, buf + kept, CHUNK)) > 0) {
		const size_t len = kept + (size_t)got;

		(void)needles_search(needles, buf, len, ret->bytes - kept, found, &place);
		ret->bytes += (uint64_t)got;
		kept = len < NEEDLE_BYTES - 1 ? len : NEEDLE_BYTES - 1;
		memmove(buf, buf + len - kept, kept);
	}
	close(fd);
	return got == 0;
}
