/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#define HEAD_EVERY   20u
#define BAR_WIDTH    40u
#define BAR_EVERY_NS (100 * AEF_NS_PER_MS)

static const char head[] =
	"   time  typed/s applied/s |  p50    p99  p99.9    max ms | goodput  lost  retx   fec |"
	"   cwnd  pacing | CPU/pkt | ring pool\n";

void
lab_table_init(struct lab_table *table, struct lab *lab)
{
	memset(table, 0, sizeof(*table));
	table->terminal = isatty(STDOUT_FILENO) != 0 && !lab->opts.plain;
	table->next_ns = lab_now_ns(lab) + lab->opts.interval_ns;
	lab_figures_take(lab, &table->before);
}

void
lab_table_end(struct lab_table *table)
{
	if (table->bar_shown)
		(void)fputs("\r\033[K", stdout);
	table->bar_shown = false;
	(void)fflush(stdout);
}

static double
ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* The appliance forgets the counters of a connection with the connection. */
static uint64_t
since(uint64_t now, uint64_t before)
{
	return aef_sub_sat_u64(now, before);
}

static void
print_line(struct lab_table *table, const struct lab *lab, const struct lab_figures *f)
{
	const struct lab_figures *b = &table->before;
	const double s = (double)(f->at_ns - b->at_ns) / 1e9;
	const struct aef_hist *h = &f->latency_now;
	const uint64_t sent = f->up.sent + f->down.sent - b->up.sent - b->down.sent;
	const uint64_t dropped = link_dropped(&f->up) + link_dropped(&f->down) -
	                         link_dropped(&b->up) - link_dropped(&b->down);
	const uint64_t good = f->clients.sum.rx_data_bytes - b->clients.sum.rx_data_bytes +
	                      f->worker.bytes_in - b->worker.bytes_in;
	const uint64_t retx =
		since(f->clients.sum.tx_retransmit_bytes, b->clients.sum.tx_retransmit_bytes) +
		since(f->appliance.sum.tx_retransmit_bytes, b->appliance.sum.tx_retransmit_bytes);
	const uint64_t fec =
		since(f->clients.sum.fec_recovered_pkts, b->clients.sum.fec_recovered_pkts) +
		since(f->appliance.sum.fec_recovered_pkts, b->appliance.sum.fec_recovered_pkts);

	if (table->lines++ % HEAD_EVERY == 0)
		(void)fputs(head, stdout);
	(void)printf(
		"%6.1f s %8.0f %9.0f | %5.1f %6.1f %6.1f %6.1f    | %5.2f M %4.1f%% %4.0fk %5llu |"
		" %5.0fk %5.1f M | %4llu ns | %4llu %4.0f%%\n",
		(double)(f->at_ns - lab->begin_ns) / 1e9, (double)(f->ops_made - b->ops_made) / s,
		(double)(f->ops_applied - b->ops_applied) / s, ms(aef_hist_percentile(h, 50000)),
		ms(aef_hist_percentile(h, 99000)), ms(aef_hist_percentile(h, 99900)),
		ms(h->nb > 0 ? h->max : 0), (double)good * 8 / s / 1e6,
		sent > 0 ? 100.0 * (double)dropped / (double)sent : 0.0, (double)retx / 1e3,
		(unsigned long long)fec, (double)f->clients.cwnd_bytes / 1024,
		(double)f->clients.pacing_bytes_per_s * 8 / 1e6,
		(unsigned long long)lab_ns_per_packet(f, b), (unsigned long long)f->ring_high,
		f->pool_size > 0 ? 100.0 * (double)f->pool_high / (double)f->pool_size : 0.0);
}

/* How far the run is, in thousandths, and a word for it. */
static uint32_t
done_milli(const struct lab *lab, uint64_t now_ns, const char **ret_word)
{
	const struct lab_progress *p = &lab->progress;
	const uint64_t for_ns = now_ns - lab->phase_ns;

	switch (lab->phase) {
	case LAB_CONNECT:
		*ret_word = "connecting";
		return p->nb_live * 1000 / lab->opts.clients;
	case LAB_TYPE:
		*ret_word = "typing";
		if (p->ops_total > 0)
			return (uint32_t)aef_min_u64(1000, p->ops_made * 1000 / p->ops_total);
		return lab->type_for_ns > 0 && lab->type_for_ns != AEF_TIME_NEVER
		               ? (uint32_t)aef_min_u64(1000, for_ns / (lab->type_for_ns / 1000 + 1))
		               : 0;
	case LAB_SETTLE:
		*ret_word = "converging";
		return 1000;
	default:
		*ret_word = "";
		return 0;
	}
}

static void
draw_bar(struct lab_table *table, const struct lab *lab, uint64_t now_ns)
{
	char bar[BAR_WIDTH + 1];
	const char *word;
	const uint32_t milli = done_milli(lab, now_ns, &word);

	for (uint32_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i * 1000 < milli * BAR_WIDTH ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	(void)printf("\r\033[K[%s] %3u%% %s", bar, milli / 10, word);
	(void)fflush(stdout);
	table->bar_shown = true;
}

void
lab_table_step(struct lab_table *table, struct lab *lab)
{
	static struct lab_figures f; /* too large for the stack; main thread */
	const uint64_t now_ns = lab_now_ns(lab);

	if (lab->opts.quiet || lab->phase == LAB_IDLE || lab->phase == LAB_END)
		return;
	if (now_ns >= table->next_ns) {
		lab_table_end(table);
		lab_figures_take(lab, &f);
		print_line(table, lab, &f);
		(void)fflush(stdout);
		table->before = f;
		table->next_ns = now_ns + lab->opts.interval_ns;
	}
	if (table->terminal && !lab->opts.console && now_ns >= table->next_bar_ns) {
		draw_bar(table, lab, now_ns);
		table->next_bar_ns = now_ns + BAR_EVERY_NS;
	}
}
