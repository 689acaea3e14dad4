/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>

#include <base/err.h>
#include <base/rng.h>
#include <runtime/config.h>

#include "conf_fixture.h"
#include "harness.h"

static int
parse(struct aef_config *config, const char *text)
{
	return aef_config_parse(config, "t.yaml", text, strlen(text), fix_modules);
}

START_TEST(config_full_file_gives_every_value)
{
	struct aef_config config;
	const struct fix_conf *conf;

	ck_assert_int_eq(aef_config_load(&config, "tests/unit/runtime/good/full.yaml", fix_modules),
	                 0);
	conf = aef_config_section(&config, "net");

	ck_assert_uint_eq(conf->queues, 4);
	ck_assert_uint_eq(conf->rate, 1000000);
	ck_assert(!conf->enabled);
	ck_assert_int_eq(conf->mode, 1);
	ck_assert_uint_eq(conf->nb_cpus, 3);
	ck_assert_uint_eq(conf->cpus[2], 3);
	ck_assert_uint_eq(conf->nb_ports, 2);
	ck_assert_str_eq(conf->ports[0].name, "uplink");
	ck_assert_uint_eq(conf->ports[0].speed, 40);
	ck_assert_uint_eq(conf->ports[1].speed, 10);
	ck_assert_uint_eq(aef_config_line(&config, "net.ports[1].name"), 11);
	ck_assert_uint_eq(aef_config_line(&config, "net.ports[1].speed"), 11);
	ck_assert(aef_config_has(&config, "net.cpus[2]"));
	ck_assert(!aef_config_has(&config, "net.cpus[3]"));
	aef_config_free(&config);
}
END_TEST

START_TEST(config_absent_section_is_all_defaults)
{
	static const char *const texts[] = { "", "# only this\n", "{}\n", "---\n", "net: {}\n" };

	for (size_t i = 0; i < AEF_DIM(texts); i++) {
		struct aef_config config;
		const struct fix_conf *conf;

		ck_assert_int_eq(parse(&config, texts[i]), i == 3 ? AEF_ERR_CONFIG : 0);
		if (i == 3)
			continue; /* a document that is an empty value, not a mapping */
		conf = aef_config_section(&config, "net");
		ck_assert_uint_eq(conf->queues, 1);
		ck_assert_uint_eq(conf->rate, 100);
		ck_assert(conf->enabled);
		ck_assert_ptr_null(aef_config_section(&config, "bare"));
		aef_config_free(&config);
	}
}
END_TEST

/* The first line of a broken file: `# expect LINE WORD`. */
static void
broken_file(const char *path)
{
	struct aef_config config;
	unsigned line;
	char word[32], at[320];
	FILE *file = fopen(path, "rb");
	int rc;

	ck_assert_ptr_nonnull(file);
	ck_assert_msg(fscanf(file, "# expect %u %31s", &line, word) == 2, "%s: no head", path);
	fclose(file);
	rc = aef_config_load(&config, path, fix_modules);

	snprintf(at, sizeof(at), "%s:%u: ", path, line);
	ck_assert_msg(rc == AEF_ERR_CONFIG, "%s was accepted", path);
	ck_assert_msg(config.error_line == line && strncmp(config.error, at, strlen(at)) == 0,
	              "expected line %u: %s", line, config.error);
	ck_assert_msg(strstr(config.error, word) != NULL, "expected '%s': %s", word, config.error);
	ck_assert_ptr_null(config.sections);
	ck_assert_ptr_null(config.index);
}

START_TEST(config_broken_files_are_refused_with_file_and_line)
{
	const char *dir = "tests/unit/runtime/broken";
	DIR *d = opendir(dir);
	unsigned nb = 0;

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char path[300];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		broken_file(path);
		nb++;
	}
	closedir(d);
	ck_assert_uint_ge(nb, 20);
}
END_TEST

START_TEST(config_missing_file_is_one_sentence)
{
	struct aef_config config;

	ck_assert_int_eq(aef_config_load(&config, "no/such.yaml", fix_modules), AEF_ERR_IO);

	ck_assert_str_eq(config.error,
	                 "no/such.yaml: the file cannot be opened (No such file or directory)");
	aef_config_free(&config);
	ck_assert_int_eq(aef_config_load(&config, "tests", fix_modules), AEF_ERR_IO);
}
END_TEST

START_TEST(config_too_many_nodes_are_refused)
{
	static char text[64 * 1024];
	struct aef_config config;
	size_t len = (size_t)sprintf(text, "net:\n  cpus: [");

	for (unsigned i = 0; i < AEF_CONFIG_NODES_MAX; i++)
		len += (size_t)sprintf(text + len, "1, ");
	sprintf(text + len, "1]\n");

	ck_assert_int_eq(parse(&config, text), AEF_ERR_CONFIG);
	ck_assert_uint_eq(config.error_line, 2);
}
END_TEST

START_TEST(config_oversized_text_is_refused)
{
	struct aef_config config;
	char *text = malloc(AEF_CONFIG_FILE_MAX_BYTES + 1);

	memset(text, '#', AEF_CONFIG_FILE_MAX_BYTES + 1);
	ck_assert_int_eq(
		aef_config_parse(&config, "t", text, AEF_CONFIG_FILE_MAX_BYTES + 1, fix_modules),
		AEF_ERR_CONFIG);
	free(text);
}
END_TEST

START_TEST(config_damaged_text_never_leaks_or_crashes)
{
	static const char good[] = "net:\n  queues: 2\n  mode: auto\n  cpus: [1, 2]\n"
				   "  ports:\n    - name: a\n      speed: 3\n";
	const char *env = getenv("SEED");
	const uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 1;
	struct aef_rng rng;

	printf("config: SEED=%llu\n", (unsigned long long)seed);
	aef_rng_init(&rng, seed);
	for (unsigned i = 0; i < 5000; i++) {
		char text[sizeof(good)];
		struct aef_config config;
		const size_t len = 1 + aef_rng_below(&rng, sizeof(good) - 1);

		memcpy(text, good, sizeof(good));
		for (unsigned n = 0; n < i % 4; n++)
			text[aef_rng_below(&rng, len)] = (char)aef_rng_u64(&rng);
		if (aef_config_parse(&config, "t", text, len, fix_modules) == 0)
			aef_config_free(&config);
		else
			ck_assert_int_ne(config.error[0], '\0');
	}
}
END_TEST

START_TEST(config_describe_names_default_and_range)
{
	static const struct aef_config_number table[] = {
		{ .key = "mtu", .size = 2, .def = 1500, .min = 68, .max = 9000, .help = "bytes" },
		{ 0 },
	};
	char buf[200];
	struct aef_text out = aef_text_make(buf, sizeof(buf));

	aef_config_numbers_describe(table, &out);

	ck_assert_str_eq(buf, "mtu              default 1500, 68 to 9000: bytes\n");
}
END_TEST

TEST_SUITE(config, &config_full_file_gives_every_value, &config_absent_section_is_all_defaults,
           &config_broken_files_are_refused_with_file_and_line,
           &config_missing_file_is_one_sentence, &config_too_many_nodes_are_refused,
           &config_oversized_text_is_refused, &config_damaged_text_never_leaks_or_crashes,
           &config_describe_names_default_and_range)
