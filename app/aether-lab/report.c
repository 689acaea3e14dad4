/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include <base/err.h>

static double
ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void
print_side(const char *name, const struct lab_side *s)
{
	(void)printf(
		"%-10s %llu packets out, %llu in; %llu lost (%llu of them late), %.1f kB sent "
		"again, %llu repaired by FEC; cwnd %.0f KiB, pacing %.1f Mbit/s, rtt %.1f ms\n",
		name, (unsigned long long)s->sum.tx_pkts, (unsigned long long)s->sum.rx_pkts,
		(unsigned long long)s->sum.lost_pkts, (unsigned long long)s->sum.spurious_pkts,
		(double)s->sum.tx_retransmit_bytes / 1e3,
		(unsigned long long)s->sum.fec_recovered_pkts, (double)s->cwnd_bytes / 1024,
		(double)s->pacing_bytes_per_s * 8 / 1e6, ms(s->srtt_ns));
}

static void
print_way(const char *name, const struct link_stats *s)
{
	(void)printf("%-10s %llu packets, %llu dropped (%.2f%%), %llu reordered, %llu doubled, "
	             "%llu corrupted, %llu marked\n",
	             name, (unsigned long long)s->sent, (unsigned long long)link_dropped(s),
	             s->sent > 0 ? 100.0 * (double)link_dropped(s) / (double)s->sent : 0.0,
	             (unsigned long long)s->reordered, (unsigned long long)s->duplicated,
	             (unsigned long long)s->corrupted, (unsigned long long)s->ce_marked);
}

void
lab_report_print(const struct lab *lab, const struct lab_figures *f)
{
	const double s = (double)aef_max_u64(lab->typed_ns_sum + lab->settled_ns, 1) / 1e9;
	const struct aef_hist *h = &f->latency;
	const uint64_t milli = lab_in_flight_milli(f);
	char hex[2 * AEF_SHA256_BYTES + 1];

	(void)printf("operations %llu typed, %llu acknowledged, %llu applied at others, in %.2f s: "
	             "%.0f ops/s typed, %.0f ops/s applied\n",
	             (unsigned long long)f->ops_made, (unsigned long long)f->ops_acked,
	             (unsigned long long)f->ops_applied, s, (double)f->ops_made / s,
	             (double)f->ops_applied / s);
	(void)printf(
		"in flight  %llu.%03llu operations on average just after an edit, at most %llu\n",
		(unsigned long long)(milli / 1000), (unsigned long long)(milli % 1000),
		(unsigned long long)f->in_flight_max);
	if (lab->trace.concurrent)
		(void)printf("holds      %llu transactions waited for a parent, %llu foreign "
		             "operations were held, at most %llu at a time\n",
		             (unsigned long long)f->waits, (unsigned long long)f->ops_held,
		             (unsigned long long)f->held_max);
	(void)printf("latency    p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms, from typing "
	             "at one editor to applied at another\n",
	             ms(aef_hist_percentile(h, 50000)), ms(aef_hist_percentile(h, 99000)),
	             ms(aef_hist_percentile(h, 99900)), ms(h->nb > 0 ? h->max : 0));
	print_way("links up", &f->up);
	print_way("links down", &f->down);
	print_side("clients", &f->clients);
	print_side("appliance", &f->appliance);
	(void)printf(
		"machine    %llu ns of the transport lcores per packet; most waiting in a ring "
		"%llu; %llu of %llu packet buffers\n",
		(unsigned long long)lab_ns_per_packet(f, NULL), (unsigned long long)f->ring_high,
		(unsigned long long)f->pool_high, (unsigned long long)f->pool_size);
	if (!lab->opts.lockstep)
		return;
	lab_hex(f->hash, hex);
	(void)printf("trace hash %s over %llu datagrams\n", hex, (unsigned long long)f->hashed);
}

static void
put(json_t *obj, const char *key, uint64_t value)
{
	/* jansson fails only for want of memory; the file then says so by being incomplete. */
	(void)json_object_set_new(obj, key, json_integer((json_int_t)value));
}

static json_t *
json_hist(const struct aef_hist *h)
{
	json_t *o = json_object();

	put(o, "count", h->nb);
	put(o, "p50_ns", aef_hist_percentile(h, 50000));
	put(o, "p99_ns", aef_hist_percentile(h, 99000));
	put(o, "p99_9_ns", aef_hist_percentile(h, 99900));
	put(o, "max_ns", h->nb > 0 ? h->max : 0);
	put(o, "mean_ns", h->nb > 0 ? h->sum / h->nb : 0);
	return o;
}

static json_t *
json_way(const struct link_stats *s)
{
	json_t *o = json_object();

	put(o, "sent", s->sent);
	put(o, "sent_bytes", s->sent_bytes);
	put(o, "delivered", s->delivered);
	put(o, "dropped", link_dropped(s));
	for (unsigned v = 1; v < LINK_NB_VERDICTS; v++) {
		char key[40];

		(void)snprintf(key, sizeof(key), "dropped_%s",
		               link_verdict_name((enum link_verdict)v));
		put(o, key, s->verdicts[v]);
	}
	put(o, "reordered", s->reordered);
	put(o, "duplicated", s->duplicated);
	put(o, "corrupted", s->corrupted);
	put(o, "truncated", s->truncated);
	put(o, "ce_marked", s->ce_marked);
	put(o, "in_flight_max", s->in_flight_max);
	return o;
}

static json_t *
json_side(const struct lab_side *s)
{
	json_t *o = json_object();

	put(o, "connections", s->nb_conns);
	put(o, "tx_pkts", s->sum.tx_pkts);
	put(o, "tx_bytes", s->sum.tx_bytes);
	put(o, "rx_pkts", s->sum.rx_pkts);
	put(o, "rx_bytes", s->sum.rx_bytes);
	put(o, "tx_data_bytes", s->sum.tx_data_bytes);
	put(o, "rx_data_bytes", s->sum.rx_data_bytes);
	put(o, "retransmitted_bytes", s->sum.tx_retransmit_bytes);
	put(o, "lost_pkts", s->sum.lost_pkts);
	put(o, "spurious_pkts", s->sum.spurious_pkts);
	put(o, "probes", s->sum.probes);
	put(o, "rtos", s->sum.rtos);
	put(o, "fec_repair_pkts", s->sum.fec_repair_pkts);
	put(o, "fec_recovered_pkts", s->sum.fec_recovered_pkts);
	put(o, "ce_pkts", s->sum.ce_pkts);
	put(o, "cwnd_bytes_median", s->cwnd_bytes);
	put(o, "pacing_bytes_per_s_median", s->pacing_bytes_per_s);
	put(o, "srtt_ns_median", s->srtt_ns);
	return o;
}

static json_t *
json_ops(const struct lab *lab, const struct lab_figures *f)
{
	json_t *o = json_object();
	const uint64_t ns = aef_max_u64(lab->typed_ns_sum + lab->settled_ns, 1);

	put(o, "typed", f->ops_made);
	put(o, "acknowledged", f->ops_acked);
	put(o, "applied", f->ops_applied);
	put(o, "lost", f->ops_lost);
	put(o, "resent", f->ops_resent);
	put(o, "time_ns", ns);
	put(o, "typed_per_s", aef_mul_div_u64(f->ops_made, AEF_NS_PER_S, ns));
	put(o, "applied_per_s", aef_mul_div_u64(f->ops_applied, AEF_NS_PER_S, ns));
	put(o, "in_flight_mean_milli", lab_in_flight_milli(f));
	put(o, "in_flight_max", f->in_flight_max);
	put(o, "waits", f->waits);
	put(o, "held", f->ops_held);
	put(o, "held_max", f->held_max);
	put(o, "blocked", f->blocked);
	put(o, "digests_checked", f->digests);
	put(o, "resyncs", f->resyncs);
	put(o, "snapshots", f->snapshots);
	put(o, "ack_mean_ns", f->ops_acked > 0 ? f->ack_ns_sum / f->ops_acked : 0);
	put(o, "ack_max_ns", f->ack_ns_max);
	put(o, "behind_max_ns", f->behind_ns_max);
	return o;
}

static json_t *
json_appliance(const struct lab_figures *f)
{
	json_t *o = json_object();

	put(o, "ns_per_packet", lab_ns_per_packet(f, NULL));
	put(o, "ring_high", f->ring_high);
	put(o, "descs_high", f->descs_high);
	put(o, "pool_high", f->pool_high);
	put(o, "pool_size", f->pool_size);
#define PUT_PIPELINE(name, kind, unit, help) put(o, #name, f->pipeline.name);
	PIPELINE_COUNTERS(PUT_PIPELINE)
#undef PUT_PIPELINE
	for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
		put(o, pipeline_verdict_name((enum pipeline_verdict)v), f->pipeline.verdicts[v]);
	return o;
}

static json_t *
json_workers(const struct lab_figures *f)
{
	json_t *o = json_object();

#define PUT_WORKER(name, kind, unit, help) put(o, #name, f->worker.name);
	WORKER_COUNTERS(PUT_WORKER)
#undef PUT_WORKER
	put(o, "ops_applied", f->service.ops_applied);
	put(o, "ops_resent", f->service.ops_resent);
	put(o, "ops_nacked", f->service.ops_nacked);
	put(o, "transforms_max", f->service.transforms_max);
	put(o, "runs_encoded", f->service.runs_encoded);
	put(o, "events_sent", f->service.events_sent);
	put(o, "sends_refused", f->service.sends_refused);
	put(o, "bufs_refused", f->service.bufs_refused);
	put(o, "resyncs", f->service.resyncs);
	put(o, "store_errors", f->service.store_errors);
	return o;
}

static json_t *
json_verdict(const struct lab_verdict *v)
{
	json_t *o = json_object(), *docs = json_array();

	for (uint32_t i = 0; i < v->nb_docs; i++) {
		const struct lab_doc_verdict *d = &v->docs[i];
		char hex[2 * AEF_SHA256_BYTES + 1];
		json_t *doc = json_object();

		lab_hex(d->sha256, hex);
		put(doc, "version", d->version);
		put(doc, "bytes", d->bytes);
		put(doc, "code_points", d->cps);
		(void)json_object_set_new(doc, "sha256", json_string(hex));
		put(doc, "replicas", d->nb_replicas);
		put(doc, "different", d->nb_different);
		put(doc, "missing", d->ops_missing);
		if (d->trace_checked)
			(void)json_object_set_new(doc, "trace_equal", json_boolean(d->trace_equal));
		(void)json_array_append_new(docs, doc);
	}
	(void)json_object_set_new(o, "in_sync", json_boolean(v->in_sync));
	(void)json_object_set_new(o, "diverged", json_boolean(v->diverged));
	put(o, "lost", v->lost);
	(void)json_object_set_new(o, "why", json_string(v->why));
	(void)json_object_set_new(o, "documents", docs);
	return o;
}

static json_t *
json_run(const struct lab *lab, const struct lab_figures *f)
{
	const struct lab_opts *opts = &lab->opts;
	json_t *o = json_object();
	char hex[2 * AEF_SHA256_BYTES + 1];

	(void)json_object_set_new(o, "version", json_string(AEF_VERSION));
	(void)json_object_set_new(o, "trace",
	                          opts->trace != NULL ? json_string(opts->trace) : json_null());
	put(o, "seed", opts->seed);
	put(o, "clients", opts->clients);
	put(o, "documents", opts->docs);
	put(o, "readers", opts->readers);
	put(o, "lcores", opts->lcores);
	put(o, "workers", opts->workers);
	(void)json_object_set_new(o, "lockstep", json_boolean(opts->lockstep));
	put(o, "typing_ns", lab->typed_ns_sum);
	put(o, "settling_ns", lab->settled_ns);
	if (opts->lockstep) {
		lab_hex(f->hash, hex);
		(void)json_object_set_new(o, "trace_hash", json_string(hex));
		put(o, "trace_datagrams", f->hashed);
	}
	return o;
}

int
lab_report_json(const struct lab *lab, const struct lab_figures *f,
                const struct lab_verdict *verdict, FILE *out, struct aef_text *ret_error)
{
	json_t *root = json_object();
	int rc;

	(void)json_object_set_new(root, "run", json_run(lab, f));
	(void)json_object_set_new(root, "verdict", json_verdict(verdict));
	(void)json_object_set_new(root, "operations", json_ops(lab, f));
	(void)json_object_set_new(root, "latency", json_hist(&f->latency));
	(void)json_object_set_new(root, "link_up", json_way(&f->up));
	(void)json_object_set_new(root, "link_down", json_way(&f->down));
	(void)json_object_set_new(root, "clients", json_side(&f->clients));
	(void)json_object_set_new(root, "appliance", json_side(&f->appliance));
	(void)json_object_set_new(root, "transport", json_appliance(f));
	(void)json_object_set_new(root, "workers", json_workers(f));
	errno = 0;
	rc = json_dumpf(root, out, JSON_INDENT(2));
	if (fputc('\n', out) == EOF || fflush(out) != 0)
		rc = -1;
	json_decref(root);
	if (rc == 0)
		return 0;
	aef_text_printf(ret_error, "Cannot write %s: %s; give another name to --json.",
	                lab->opts.json, errno != 0 ? strerror(errno) : "no memory");
	return AEF_ERR_IO;
}
