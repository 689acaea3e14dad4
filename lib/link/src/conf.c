/* SPDX-License-Identifier: BSD-3-Clause */
/* The textual form: a table of keys, a number parser with units, and one sentence on error. */
#include <base/err.h>
#include <link/conf.h>

#define PPM          1000000u
#define PPB          1000000000u
#define SKIP_MAX     65535u
#define BURST_MAX    1000000000u /* mean burst length x 1000: a million packets */
#define FRACTION_MAX 9           /* decimals of a number */
#define KEY_MAX      16
#define VALUE_MAX    64

/* ---- text --------------------------------------------------------------------------------------
 */

struct text {
	char *p;
	size_t left; /* terminator included; 0: nobody wants it */
};

static struct text
text_make(char *buf, size_t size)
{
	if (buf != NULL && size > 0)
		buf[0] = '\0';
	return (struct text){ .p = buf, .left = buf != NULL ? size : 0 };
}

static void
text_add(struct text *t, const char *s)
{
	for (; *s != '\0' && t->left > 1; s++, t->left--)
		*t->p++ = *s;
	if (t->left > 0)
		*t->p = '\0';
}

/* Text of a user inside a sentence: at most 40 characters of it, none that could upset a terminal.
 */
static void
text_add_quoted(struct text *t, const char *s)
{
	char one[2] = { 0, 0 };

	text_add(t, "\"");
	for (unsigned i = 0; s[i] != '\0' && i < 40; i++) {
		one[0] = (char)(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?');
		text_add(t, one);
	}
	text_add(t, "\"");
}

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
same(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

/* Step over @p c where it stands next. */
static bool
skip_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

struct unit {
	const char *name; /* "" stands for no unit; a table without it insists on one */
	uint64_t factor;
};

static const struct unit units_time[] = {
	{ "", 1000000 }, { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", PPB }, { NULL, 0 },
};
static const struct unit units_share[] = {
	{ "", 10000 },
	{ "%", 10000 },
	{ "ppm", 1 },
	{ NULL, 0 },
};
static const struct unit units_bits[] = {
	{ "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", PPB }, { NULL, 0 },
};
static const struct unit units_bytes[] = {
	{ "", 1 },          { "b", 1 },         { "kb", 1000 }, { "mb", 1000000 },
	{ "kib", 1 << 10 }, { "mib", 1 << 20 }, { NULL, 0 },
};
static const struct unit units_pkts[] = { { "pkt", 1 }, { "pkts", 1 }, { NULL, 0 } };
static const struct unit units_count[] = { { "", 1 }, { NULL, 0 } };
static const struct unit units_count_x1000[] = { { "", 1000 }, { NULL, 0 } };

/* The unit at @p at, the whole word up to the end or a '/'; NULL when the table has no such unit.
 */
static const struct unit *
parse_unit(const char **at, const struct unit *units)
{
	char word[8];
	unsigned nb = 0;

	for (; (*at)[nb] != '\0' && (*at)[nb] != '/'; nb++) {
		if (nb + 1 == sizeof(word))
			return NULL;
		word[nb] = (*at)[nb];
	}
	word[nb] = '\0';
	for (; units->name != NULL; units++) {
		if (same(units->name, word)) {
			*at += nb;
			return units;
		}
	}
	return NULL;
}

/* Decimal number with a unit, saturated; moves @p at only on success. */
static bool
parse_number(const char **at, const struct unit *units, uint64_t *ret_value)
{
	const char *p = *at;
	uint64_t whole = 0, part = 0, scale = 1;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++)
		whole = aef_add_sat_u64(aef_mul_div_u64(whole, 10, 1), (uint64_t)(*p - '0'));
	if (*p == '.') {
		p++;
		if (!is_digit(*p))
			return false;
		for (unsigned i = 0; is_digit(*p); p++, i++) {
			if (i == FRACTION_MAX)
				return false;
			part = part * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
	}

	const struct unit *unit = parse_unit(&p, units);

	if (unit == NULL)
		return false;
	*ret_value = aef_add_sat_u64(aef_mul_div_u64(whole, unit->factor, 1),
	                             aef_mul_div_u64(part, unit->factor, scale));
	*at = p;
	return true;
}

/* A number that has to be the rest of the text. */
static bool
parse_rest(const char *at, const struct unit *units, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;

	if (!parse_number(&at, units, &value) || *at != '\0' || value > max)
		return false;
	*ret_value = value;
	return true;
}

static bool
parse_rest_u32(const char *at, const struct unit *units, uint32_t max, uint32_t *ret_value)
{
	uint64_t value;

	if (!parse_rest(at, units, max, &value))
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

/* "A" or "A/B": @p ret_second is left alone where there is no second part. */
static bool
parse_share_and(const char *at, const struct unit *units, uint64_t max, uint32_t *ret_ppm,
                uint64_t *ret_second)
{
	uint64_t ppm;

	if (!parse_number(&at, units_share, &ppm) || ppm > PPM)
		return false;
	if (*at != '\0' && (!skip_char(&at, '/') || !parse_rest(at, units, max, ret_second)))
		return false;
	*ret_ppm = (uint32_t)ppm;
	return true;
}

/* ---- one setter per key: NULL as value restores the default; false: not understood
 * ---------------- */

static bool
set_rate(struct link_conf *c, const char *v)
{
	uint64_t bits = 0;

	if (v != NULL && (!parse_rest(v, units_bits, LINK_RATE_MAX * 8, &bits) || bits < 8))
		return false;
	c->rate_bytes_per_s = bits / 8;
	return true;
}

static bool
set_delay(struct link_conf *c, const char *v)
{
	c->delay_ns = 0;
	return v == NULL || parse_rest(v, units_time, LINK_TIME_MAX_NS, &c->delay_ns);
}

static bool
set_jitter(struct link_conf *c, const char *v)
{
	c->jitter_ns = 0;
	c->jitter_shape = LINK_JITTER_UNIFORM;
	if (v == NULL)
		return true;
	if (!parse_number(&v, units_time, &c->jitter_ns) || c->jitter_ns > LINK_TIME_MAX_NS)
		return false;
	if (*v == '\0' || same(v, "/uniform"))
		return true;
	c->jitter_shape = LINK_JITTER_BELL;
	return same(v, "/bell");
}

static bool
set_order(struct link_conf *c, const char *v)
{
	c->keep_order = v != NULL && same(v, "keep");
	return v == NULL || c->keep_order || same(v, "free");
}

static bool
set_queue(struct link_conf *c, const char *v)
{
	uint64_t pkts;

	c->queue_bytes = 0;
	c->queue_pkts = 0;
	if (v == NULL)
		return true;
	for (unsigned part = 0; part < 2; part++) {
		if (parse_number(&v, units_pkts, &pkts) && pkts >= 1 && pkts <= UINT32_MAX)
			c->queue_pkts = (uint32_t)pkts;
		else if (!parse_number(&v, units_bytes, &c->queue_bytes) || c->queue_bytes == 0)
			return false;
		if (!skip_char(&v, '/'))
			break;
	}
	return *v == '\0';
}

static bool
set_ecn(struct link_conf *c, const char *v)
{
	c->ecn_bytes = 0;
	return v == NULL || parse_rest(v, units_bytes, UINT64_MAX - 1, &c->ecn_bytes);
}

static bool
set_loss(struct link_conf *c, const char *v)
{
	c->loss_ppm = 0;
	return v == NULL || parse_rest_u32(v, units_share, PPM, &c->loss_ppm);
}

static bool
set_burst(struct link_conf *c, const char *v)
{
	uint32_t mean_ppm = 0;
	uint64_t burst_x1000 = 1000;

	if (v != NULL && !parse_share_and(v, units_count_x1000, BURST_MAX, &mean_ppm, &burst_x1000))
		return false;
	return link_conf_set_burst(c, mean_ppm, burst_x1000) == 0;
}

static bool
set_reorder(struct link_conf *c, const char *v)
{
	uint64_t ns = 0;

	c->reorder_ppm = 0;
	c->reorder_ns = 0;
	if (v == NULL)
		return true;
	if (!parse_share_and(v, units_time, LINK_TIME_MAX_NS, &c->reorder_ppm, &ns))
		return false;
	c->reorder_ns = ns;
	return ns > 0 || c->reorder_ppm == 0;
}

static bool
set_dup(struct link_conf *c, const char *v)
{
	uint64_t copies = 1;

	c->dup_ppm = 0;
	c->dup_copies = 0;
	if (v == NULL)
		return true;
	if (!parse_share_and(v, units_count, LINK_COPIES_MAX, &c->dup_ppm, &copies))
		return false;
	c->dup_copies = (uint32_t)copies;
	return copies >= 1;
}

static bool
set_corrupt(struct link_conf *c, const char *v)
{
	uint64_t bits = 1;

	c->corrupt_ppm = 0;
	c->corrupt_bits = 0;
	if (v == NULL)
		return true;
	if (!parse_share_and(v, units_count, LINK_CORRUPT_BITS_MAX, &c->corrupt_ppm, &bits))
		return false;
	c->corrupt_bits = (uint32_t)bits;
	return bits >= 1;
}

static bool
set_truncate(struct link_conf *c, const char *v)
{
	c->truncate_ppm = 0;
	return v == NULL || parse_rest_u32(v, units_share, PPM, &c->truncate_ppm);
}

static bool
set_skip(struct link_conf *c, const char *v)
{
	c->corrupt_skip_bytes = 0;
	return v == NULL || parse_rest_u32(v, units_bytes, SKIP_MAX, &c->corrupt_skip_bytes);
}

static bool
set_outage(struct link_conf *c, const char *v)
{
	uint64_t first, second;

	if (v == NULL) {
		c->nb_outages = 0;
		c->outage_interval_ns = c->outage_max_ns = 0;
		return true;
	}

	const bool scheduled = skip_char(&v, '@');

	if (!parse_number(&v, units_time, &first) || first > LINK_TIME_MAX_NS ||
	    !skip_char(&v, '/') || !parse_rest(v, units_time, LINK_TIME_MAX_NS, &second))
		return false;
	if (!scheduled) {
		c->outage_interval_ns = first;
		c->outage_max_ns = second;
		return first > 0 && second > 0;
	}
	if (c->nb_outages == LINK_OUTAGES_MAX || second == 0)
		return false;
	c->outages[c->nb_outages++] =
		(struct link_outage){ .start_ns = first, .duration_ns = second };
	return true;
}

static bool
set_mtu(struct link_conf *c, const char *v)
{
	c->mtu_bytes = 0;
	return v == NULL ||
	       (parse_rest_u32(v, units_bytes, UINT32_MAX, &c->mtu_bytes) && c->mtu_bytes > 0);
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static const struct key {
	const char *name;
	bool (*set)(struct link_conf *, const char *);
	const char *must; /* completes "<key> must be ..." */
	const char *help;
} keys[] = {
	{ "rate", set_rate, "a rate with its unit such as 512kbit, 100mbit or 1gbit",
	  "100mbit     serializer speed: bit, kbit, mbit, gbit" },
	{ "delay", set_delay, "a time such as 30ms, at most 13 days",
	  "30ms        one-way delay: ns, us, ms, s" },
	{ "jitter", set_jitter, "a time such as 5ms or 5ms/bell",
	  "5ms         delay +- this, uniform; 5ms/bell: mostly near the middle" },
	{ "order", set_order, "keep or free",
	  "keep        jitter does not reorder packets; or free" },
	{ "queue", set_queue,
	  "a size and/or a number of packets such as 64kb, 100pkt or 64kb/100pkt",
	  "64kb/100pkt room before the serializer, then tail drop" },
	{ "ecn", set_ecn, "a size such as 30kb", "30kb        mark CE above this much queue" },
	{ "loss", set_loss, "a share from 0% to 100% such as 2%", "2%          random loss" },
	{ "burst", set_burst,
	  "mean loss up to 90% and mean burst length of at least 1 that fit together, such as 5%/3",
	  "5%/3        Gilbert-Elliott loss: mean loss / mean packets in a row" },
	{ "reorder", set_reorder, "a share and a time such as 1%/50ms",
	  "1%/50ms     this share is held back up to this long" },
	{ "dup", set_dup, "a share and at most 4 copies such as 1% or 1%/2",
	  "1%          duplication; 1%/2: one or two copies" },
	{ "corrupt", set_corrupt, "a share and at most 8 bits such as 0.1% or 0.1%/3",
	  "0.1%        bit errors; 0.1%/3: one to three bits" },
	{ "truncate", set_truncate, "a share from 0% to 100% such as 0.1%",
	  "0.1%        packets cut short" },
	{ "skip", set_skip, "a number of bytes from 0 to 65535 such as 14",
	  "14          leading bytes that corrupt and truncate leave alone" },
	{ "outage", set_outage,
	  "mean interval and longest duration such as 30s/2s, or one of at most 8 at/for such as "
	  "@10s/2s",
	  "30s/2s      random: mean interval / longest; @10s/2s: one at / for" },
	{ "mtu", set_mtu, "a number of bytes such as 1400", "1400        longer packets vanish" },
};

const char *
link_conf_key(unsigned idx)
{
	return idx < AEF_DIM(keys) ? keys[idx].name : NULL;
}

const char *
link_conf_key_help(unsigned idx)
{
	return idx < AEF_DIM(keys) ? keys[idx].help : NULL;
}

static const char *
check(const struct link_conf *c)
{
	if (c->rate_bytes_per_s > LINK_RATE_MAX)
		return "the rate is above 80 Tbit/s";
	if (c->loss_ppm > PPM || c->reorder_ppm > PPM || c->dup_ppm > PPM || c->corrupt_ppm > PPM ||
	    c->truncate_ppm > PPM || c->ge_loss_good_ppm > PPM || c->ge_loss_bad_ppm > PPM)
		return "a share of packets is above 100%";
	if (c->ge_p_ppb > PPB || c->ge_r_ppb > PPB)
		return "a transition probability of burst loss is above 1";
	if (c->ge_p_ppb != 0 && c->ge_r_ppb == 0)
		return "burst loss would never end: its way back to the good state is 0";
	if (c->delay_ns > LINK_TIME_MAX_NS || c->jitter_ns > LINK_TIME_MAX_NS ||
	    c->reorder_ns > LINK_TIME_MAX_NS || c->outage_interval_ns > LINK_TIME_MAX_NS ||
	    c->outage_max_ns > LINK_TIME_MAX_NS)
		return "a time is above 13 days";
	if ((unsigned)c->jitter_shape > LINK_JITTER_BELL)
		return "the jitter shape is unknown";
	if (c->dup_copies > LINK_COPIES_MAX)
		return "more than 4 copies of a duplicated packet";
	if (c->corrupt_bits > LINK_CORRUPT_BITS_MAX)
		return "more than 8 bits of a corrupted packet";
	if (c->corrupt_skip_bytes > SKIP_MAX)
		return "more than 65535 bytes to leave alone";
	if (c->nb_outages > LINK_OUTAGES_MAX)
		return "more than 8 scheduled outages";
	if (c->outage_interval_ns != 0 && c->outage_max_ns == 0)
		return "random outages have no duration";
	return NULL;
}

int
link_conf_check(const struct link_conf *conf, char *err, size_t err_size)
{
	struct text t = text_make(err, err_size);
	const char *why = check(conf);

	if (why == NULL)
		return 0;
	text_add(&t, "The link configuration is wrong: ");
	text_add(&t, why);
	text_add(&t, ".");
	return AEF_ERR_CONFIG;
}

/*
 * With loss 1 in the bad state and 0 in the good one: mean burst = 1 / r, and the long-run share of
 * bad is p / (p + r), so p = r x mean / (1 - mean).
 */
int
link_conf_set_burst(struct link_conf *conf, uint32_t mean_loss_ppm, uint64_t burst_pkts_x1000)
{
	uint64_t p = 0, r = 0;

	if (mean_loss_ppm > 900000 || burst_pkts_x1000 < 1000 || burst_pkts_x1000 > BURST_MAX)
		return AEF_ERR_RANGE;
	if (mean_loss_ppm > 0) {
		const uint64_t scale = burst_pkts_x1000 * (PPM - mean_loss_ppm);

		r = (PPB * 1000ull + burst_pkts_x1000 / 2) / burst_pkts_x1000;
		p = (PPB * 1000ull * mean_loss_ppm + scale / 2) / scale;
		if (p == 0 ||
		    p > PPB) /* short bursts with high loss: the good state is left at once */
			return AEF_ERR_RANGE;
	}
	conf->ge_p_ppb = (uint32_t)p;
	conf->ge_r_ppb = (uint32_t)r;
	conf->ge_loss_good_ppm = 0;
	conf->ge_loss_bad_ppm = p > 0 ? PPM : 0;
	return 0;
}

int
link_conf_set(struct link_conf *conf, const char *key, const char *value, char *err,
              size_t err_size)
{
	struct text t = text_make(err, err_size);
	struct link_conf next = *conf;
	const struct key *k = keys;

	while (k < keys + AEF_DIM(keys) && !same(k->name, key))
		k++;
	if (k == keys + AEF_DIM(keys)) {
		text_add(&t, "There is no link setting ");
		text_add_quoted(&t, key);
		text_add(&t, "; the settings are");
		for (k = keys; k < keys + AEF_DIM(keys); k++) {
			text_add(&t, " ");
			text_add(&t, k->name);
		}
		text_add(&t, ".");
		return AEF_ERR_NOTFOUND;
	}
	if (!k->set(&next, same(value, "off") ? NULL : value)) {
		text_add(&t, k->name);
		text_add(&t, " must be ");
		text_add(&t, k->must);
		text_add(&t, ", or off; it is ");
		text_add_quoted(&t, value);
		text_add(&t, ".");
		return AEF_ERR_CONFIG;
	}
	if (link_conf_check(&next, err, err_size) != 0)
		return AEF_ERR_CONFIG;
	*conf = next;
	return 0;
}

/* Copy up to one of the two stops or the end, blanks at both ends left out; false: too long. */
static bool
take_word(const char **at, char stop, char *buf, size_t size)
{
	size_t nb = 0;

	while (**at == ' ')
		(*at)++;
	for (; **at != '\0' && **at != stop && **at != ','; (*at)++) {
		if (nb + 1 == size)
			return false;
		buf[nb++] = **at;
	}
	while (nb > 0 && buf[nb - 1] == ' ')
		nb--;
	buf[nb] = '\0';
	return true;
}

int
link_conf_set_list(struct link_conf *conf, const char *text, char *err, size_t err_size)
{
	struct text t = text_make(err, err_size);
	struct link_conf next = *conf;
	const char *at = text;
	char key[KEY_MAX], value[VALUE_MAX];

	do {
		const char *item = at;

		if (!take_word(&at, '=', key, sizeof(key)) || !skip_char(&at, '=') ||
		    !take_word(&at, ',', value, sizeof(value))) {
			text_add(&t, "Link settings are written key=value,key=value such as "
			             "loss=2%,delay=30ms; this is not: ");
			text_add_quoted(&t, item);
			text_add(&t, ".");
			return AEF_ERR_CONFIG;
		}

		const int rc = link_conf_set(&next, key, value, err, err_size);

		if (rc != 0)
			return rc;
	} while (skip_char(&at, ','));
	*conf = next;
	return 0;
}
