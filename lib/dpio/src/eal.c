/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <base/err.h>
#include <base/log.h>
#include <dpio/eal.h>

#include "dpio_priv.h"

#define ARGS_MAX      (24 + 2 * DPIO_PORTS_MAX)
#define ARG_BYTES     256 /* a device with its parameters */
#define LCORES_BYTES  1024
#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

/* EAL is one per process, and so is this. */
static struct {
	bool running;
	bool was_started;
	bool hugepages;
	FILE *log;
	char words[160]; /* first line that DPDK logged since they were forgotten */
} eal;

/* Arguments of rte_eal_init, which keeps and permutes pointers to them. */
static struct {
	char text[ARGS_MAX][ARG_BYTES];
	char lcores[LCORES_BYTES];
	char *argv[ARGS_MAX + 1];
	int argc;
	uint32_t nb_lcores;
} args;

static ssize_t
log_write(void *cookie, const char *buf, size_t len)
{
	char line[sizeof(eal.words)];
	size_t n = len < sizeof(line) - 1 ? len : sizeof(line) - 1;

	(void)cookie;
	memcpy(line, buf, n);
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' ' || line[n - 1] == '.'))
		n--;
	line[n] = '\0';
	if (n > 0) {
		if (eal.words[0] ==
		    '\0') /* the first line is the cause, later ones follow from it */
			memcpy(eal.words, line, n + 1);
		aef_log_emit(AEF_LOG_DEBUG, "dpdk", line);
	}
	return (ssize_t)len;
}

const char *
dpio_dpdk_words(void)
{
	return eal.words;
}

void
dpio_dpdk_forget_words(void)
{
	eal.words[0] = '\0';
}

static void
log_redirect(void)
{
	const cookie_io_functions_t io = { .write = log_write };

	if (eal.log == NULL)
		eal.log = fopencookie(NULL, "w", io);
	if (eal.log != NULL)
		(void)rte_openlog_stream(eal.log); /* only sets a pointer */
	rte_log_set_global_level(RTE_LOG_ERR);
}

/* Free pages of one size, from a file that holds a number; 0 when there is none. */
static uint64_t
pages_free(const char *size_dir)
{
	char path[320], text[32] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), HUGEPAGES_DIR "/%s/free_hugepages", size_dir);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	return strtoull(text, NULL, 10);
}

uint64_t
dpio_hugepages_free_mb(void)
{
	static const char prefix[] = "hugepages-"; /* "hugepages-2048kB" */
	DIR *dir = opendir(HUGEPAGES_DIR);
	uint64_t total_kb = 0;

	if (dir == NULL)
		return 0;
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		if (strncmp(e->d_name, prefix, sizeof(prefix) - 1) == 0)
			total_kb += strtoull(e->d_name + sizeof(prefix) - 1, NULL, 10) *
			            pages_free(e->d_name);
	closedir(dir);
	return total_kb / 1024;
}

static void arg_add(const char *fmt, ...) AEF_PRINTF(1, 2);

static void
arg_add(const char *fmt, ...)
{
	char *text = args.text[args.argc];
	va_list ap;

	aef_assert(args.argc < ARGS_MAX);
	va_start(ap, fmt);
	(void)vsnprintf(text, ARG_BYTES, fmt, ap); /* ours, all short */
	va_end(ap);
	args.argv[args.argc++] = text;
	args.argv[args.argc] = NULL;
}

/* CPUs of the configuration, or those this process may use. @return 0 or AEF_ERR_CONFIG */
static int
cpus_choose(const struct dpio_conf *conf, uint16_t *ret_cpus, uint32_t *ret_nb,
            struct aef_text *ret_error)
{
	cpu_set_t allowed;

	*ret_nb = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		CPU_ZERO(&allowed);
	for (uint32_t i = 0; i < conf->nb_cpus; i++) {
		if (conf->cpus[i] >= CPU_SETSIZE || !CPU_ISSET(conf->cpus[i], &allowed)) {
			aef_text_printf(ret_error,
			                "CPU %u of dpio.cpus is not one this process "
			                "may use; see taskset -p.",
			                conf->cpus[i]);
			return AEF_ERR_CONFIG;
		}
		ret_cpus[(*ret_nb)++] = conf->cpus[i];
	}
	for (uint16_t i = 0; conf->nb_cpus == 0 && i < CPU_SETSIZE && *ret_nb < 64; i++)
		if (CPU_ISSET(i, &allowed))
			ret_cpus[(*ret_nb)++] = i;
	return *ret_nb > 0 ? 0 : AEF_ERR_CONFIG;
}

static int
args_lcores(const struct dpio_conf *conf, struct aef_text *ret_error)
{
	struct aef_text map = aef_text_make(args.lcores, sizeof(args.lcores));
	uint16_t cpus[64];
	uint32_t nb_cpus, nb_lcores;
	const int rc = cpus_choose(conf, cpus, &nb_cpus, ret_error);

	if (rc < 0)
		return rc;
	nb_lcores = conf->lcores > 0 ? conf->lcores : nb_cpus;
	args.nb_lcores = nb_lcores;
	for (uint32_t i = 0; i < nb_lcores; i++)
		aef_text_printf(&map, "%s%u@%u", i > 0 ? "," : "", i, cpus[i % nb_cpus]);
	arg_add("--lcores");
	args.argv[args.argc++] = args.lcores;
	arg_add("--main-lcore=0");
	return 0;
}

static int
args_memory(const struct dpio_conf *conf, struct aef_text *ret_error)
{
	const uint64_t free_mb =
		conf->hugepages == DPIO_HUGEPAGES_NEVER ? 0 : dpio_hugepages_free_mb();

	eal.hugepages = free_mb >= conf->memory_mb;
	if (conf->hugepages == DPIO_HUGEPAGES_ALWAYS && !eal.hugepages) {
		aef_text_printf(ret_error,
		                "Only %llu of %u MiB of hugepages are free; run "
		                "drivers-conf/setup-hugepages, or set dpio.hugepages to auto.",
		                (unsigned long long)free_mb, conf->memory_mb);
		return AEF_ERR_NOMEM;
	}
	arg_add("-m");
	arg_add("%u", conf->memory_mb);
	if (eal.hugepages) {
		arg_add("--in-memory");
	} else {
		arg_add("--no-huge");
		arg_add("--no-shconf"); /* 22.11 refuses --in-memory beside --no-huge */
	}
	return 0;
}

static void
args_pci(const struct dpio_conf *conf)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < conf->nb_ports; i++) {
		if (!dpio_device_is_pci(conf->ports[i].device))
			continue;
		arg_add("-a");
		arg_add("%s", conf->ports[i].device);
		nb++;
	}
	if (nb == 0)
		arg_add("--no-pci");
}

static int
args_make(const struct dpio_conf *conf, struct aef_text *ret_error)
{
	int rc;

	args.argc = 0;
	arg_add("aetherflow");
	rc = args_lcores(conf, ret_error);
	if (rc == 0)
		rc = args_memory(conf, ret_error);
	if (rc < 0)
		return rc;
	args_pci(conf);
	arg_add("--no-telemetry");
	arg_add("--file-prefix=aetherflow"); /* of an empty folder: no process shares anything */
	arg_add("--log-level=error");
	return 0;
}

static int
init_failed(const struct dpio_conf *conf, struct aef_text *ret_error)
{
	const int err = rte_errno;

	if (err == ENOMEM || strstr(dpio_dpdk_words(), "mem") != NULL) {
		aef_text_printf(
			ret_error, "DPDK cannot get %u MiB of %s; lower dpio.memory_mb (%s).",
			conf->memory_mb, eal.hugepages ? "hugepages" : "memory", dpio_dpdk_words());
		return AEF_ERR_NOMEM;
	}
	aef_text_printf(ret_error, "DPDK does not start: %s (%s).", dpio_dpdk_words(),
	                rte_strerror(err));
	return AEF_ERR_IO;
}

/* EAL writes its alerts to stderr as well; the caller prints one sentence, so they go to the log.
 */
static int
init_quietly(void)
{
	FILE *was = stderr; /* a variable in glibc */
	int rc;

	if (eal.log != NULL)
		stderr = eal.log;
	rc = rte_eal_init(args.argc, args.argv);
	stderr = was;
	return rc;
}

/*
 * DPDK makes a folder for files that --in-memory and --no-shconf never write, and leaves it. It is
 * empty, so whoever ends takes it away; a process beside us does not miss it.
 */
static void
runtime_dir_remove(void)
{
	char path[PATH_MAX];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", rte_eal_get_runtime_dir());
	slash = strrchr(path, '/');
	if (slash == NULL || rmdir(path) != 0)
		return;
	*slash = '\0'; /* and the one above, when nobody else has one */
	(void)rmdir(path);
}

/*
 * DPDK panics where a pipe of an lcore cannot be opened, so the limit is looked at before: four
 * descriptors for each lcore, some for itself and for the ports.
 */
static int
files_allow(struct aef_text *ret_error)
{
	const rlim_t needed = 4u * args.nb_lcores + 64u;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return 0;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	if (limit.rlim_cur == needed && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	aef_text_printf(ret_error, "%llu open files are allowed and %llu needed; raise ulimit -n.",
	                (unsigned long long)limit.rlim_max, (unsigned long long)needed);
	return AEF_ERR_LIMIT;
}

int
dpio_eal_start(const struct dpio_conf *conf, struct aef_text *ret_error)
{
	int rc;

	if (eal.was_started) {
		aef_text_printf(ret_error, "DPDK was started before in this process; it can be "
		                           "started only once.");
		return AEF_ERR_STATE;
	}
	rc = args_make(conf, ret_error);
	if (rc == 0)
		rc = files_allow(ret_error);
	if (rc < 0)
		return rc;
	log_redirect();
	if (init_quietly() < 0) {
		runtime_dir_remove();
		return init_failed(conf, ret_error);
	}
	rte_log_set_global_level(RTE_LOG_ERR);
	eal.running = true;
	eal.was_started = true;
	return 0;
}

void
dpio_eal_stop(void)
{
	if (!eal.running)
		return;
	eal.running = false;
	(void)rte_eal_cleanup(); /* nothing can be done about a failure at the end */
	runtime_dir_remove();
	(void)rte_openlog_stream(NULL);
	if (eal.log != NULL)
		fclose(eal.log);
	eal.log = NULL;
}

bool
dpio_eal_running(void)
{
	return eal.running;
}

bool
dpio_eal_has_hugepages(void)
{
	return eal.running && eal.hugepages;
}
