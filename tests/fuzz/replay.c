/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/replay.c - run a fuzz target over files without a fuzzer: its corpus as a regression
 * test, in every flavour and for coverage.
 *
 * Usage: replay-NAME [--edges] FILE|FOLDER...     each file is one test; a broken one does not
 * return
 *        --edges: print for each file the numbers of the edges it passes (flavour fuzz only)
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);
/* Called before main() by objects that count edges (clang -fsanitize-coverage). */
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *end);

static unsigned nb_passed;
static bool want_edges;
static uint8_t *counters, *counters_end;

void
__sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *end)
{
	counters = start;
	counters_end = end;
}

static void
print_edges(const char *path)
{
	printf("%s", path);
	for (const uint8_t *c = counters; c < counters_end; c++)
		if (*c != 0)
			printf(" %zu", (size_t)(c - counters));
	printf("\n");
}

static int
run_file(const char *path)
{
	static uint8_t bytes[1u << 16];
	FILE *f = fopen(path, "rb");
	size_t len;
	uint8_t *exact;

	if (f == NULL) {
		fprintf(stderr, "FAIL %s: cannot be read\n", path);
		return 1;
	}
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	exact = malloc(len > 0 ? len : 1); /* so that a read behind it is seen */
	memcpy(exact, bytes, len);
	fprintf(stderr, "%s\n", path); /* the last one named is the one that broke */
	if (want_edges)
		memset(counters, 0, (size_t)(counters_end - counters));
	(void)LLVMFuzzerTestOneInput(exact, len);
	if (want_edges)
		print_edges(path);
	free(exact);
	nb_passed++;
	return 0;
}

static int
run_folder(const char *path)
{
	struct dirent **names;
	const int nb = scandir(path, &names, NULL, alphasort);
	int failed = 0;

	if (nb < 0)
		return run_file(path);
	for (int i = 0; i < nb; i++) {
		char file[4096];

		if (names[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
			failed += run_file(file);
		}
		free(names[i]);
	}
	free(names);
	return failed;
}

int
main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--edges") == 0)
			want_edges = counters != NULL;
		else
			failed += run_folder(argv[i]);
	if (!want_edges)
		printf("%u passed, %d failed, 0 skipped\n", nb_passed, failed);
	return failed != 0;
}
