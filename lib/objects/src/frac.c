/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <objects/frac.h>

#define BASE      62
#define INT_MAX_B 27u /* head and 26 digits */

/* A key under construction may pass the limit; that is looked at once, at the end. */
struct build {
	uint32_t len;
	uint8_t b[FRAC_KEY_MAX + 2];
};

struct digits {
	const uint8_t *b;
	uint32_t len;
};

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int
value_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'z' ? c - 'a' + 36 : -1;
}

static uint8_t
digit(int value)
{
	return (uint8_t)alphabet[value];
}

static void
put(struct build *key, uint8_t c)
{
	if (key->len < sizeof(key->b))
		key->b[key->len++] = c;
}

static void
put_all(struct build *key, const uint8_t *b, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		put(key, b[i]);
}

/* Bytes of the integer part with this head; 0: no head. */
static uint32_t
int_bytes(uint8_t head)
{
	if (head >= 'a' && head <= 'z')
		return (uint32_t)(head - 'a') + 2;
	return head >= 'A' && head <= 'Z' ? (uint32_t)('Z' - head) + 2 : 0;
}

/* "A" and 26 zeros: nothing can be below it, so it is no key. */
static bool
is_lowest(const uint8_t *b, uint32_t len)
{
	bool zeros = len == INT_MAX_B && b[0] == 'A';

	for (uint32_t i = 1; zeros && i < len; i++)
		zeros = b[i] == '0';
	return zeros;
}

int
frac_parse(const uint8_t *text, size_t len, struct frac_key *ret_key)
{
	uint32_t head;

	if (len > FRAC_KEY_MAX)
		return AEF_ERR_LIMIT;
	head = len > 0 ? int_bytes(text[0]) : 0;
	if (head == 0 || head > len || is_lowest(text, (uint32_t)len))
		return AEF_ERR_MALFORMED;
	for (size_t i = 1; i < len; i++)
		if (value_of(text[i]) < 0)
			return AEF_ERR_MALFORMED;
	if (len > head && text[len - 1] == '0')
		return AEF_ERR_MALFORMED;
	ret_key->len = (uint8_t)len;
	memcpy(ret_key->b, text, len);
	return 0;
}

int
frac_cmp(const struct frac_key *a, const struct frac_key *b)
{
	const int order = memcmp(a->b, b->b, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (int)a->len - (int)b->len;
}

/* Append digits of a fraction between @p a and @p b (b NULL: 1). Neither ends in 0, and a < b. */
static void
midpoint(struct build *key, struct digits a, const struct digits *upper)
{
	struct digits b = upper != NULL ? *upper : (struct digits){ NULL, 0 };
	bool bounded = upper != NULL;

	for (;;) {
		const int low = a.len > 0 ? value_of(a.b[0]) : 0;
		const int high = bounded ? value_of(b.b[0]) : BASE;

		if (bounded && low == high) { /* common to both; a counts as if zeros followed */
			put(key, b.b[0]);
			b = (struct digits){ b.b + 1, b.len - 1 };
		} else if (high - low > 1) {
			put(key, digit((low + high + 1) / 2));
			return;
		} else if (bounded && b.len > 1) {
			put(key, b.b[0]); /* shorter than b, so below it; above a */
			return;
		} else {
			put(key, digit(low)); /* above is free, up to 1 */
			bounded = false;
		}
		if (a.len > 0)
			a = (struct digits){ a.b + 1, a.len - 1 };
	}
}

/* The next integer part. @return false: there is none */
static bool
increment(const uint8_t *in, uint32_t len, struct build *ret)
{
	uint8_t head = in[0];

	*ret = (struct build){ .len = len };
	memcpy(ret->b, in, len);
	for (uint32_t i = len - 1; i > 0; i--) {
		const int value = value_of(in[i]) + 1;

		ret->b[i] = digit(value % BASE);
		if (value < BASE)
			return true;
	}
	if (head == 'z')
		return false;
	if (head == 'Z') { /* from the last negative to 0 */
		*ret = (struct build){ .len = 2, .b = { 'a', '0' } };
		return true;
	}
	ret->b[0] = ++head;
	ret->len = int_bytes(head);
	if (ret->len > len)
		ret->b[len] = '0';
	return true;
}

/* The one before. @return false: there is none */
static bool
decrement(const uint8_t *in, uint32_t len, struct build *ret)
{
	uint8_t head = in[0];

	*ret = (struct build){ .len = len };
	memcpy(ret->b, in, len);
	for (uint32_t i = len - 1; i > 0; i--) {
		const int value = value_of(in[i]) - 1;

		ret->b[i] = digit(value < 0 ? BASE - 1 : value);
		if (value >= 0)
			return true;
	}
	if (head == 'A')
		return false;
	if (head == 'a') { /* from 0 to the last negative */
		*ret = (struct build){ .len = 2, .b = { 'Z', digit(BASE - 1) } };
		return true;
	}
	ret->b[0] = --head;
	ret->len = int_bytes(head);
	if (ret->len > len)
		ret->b[len] = digit(BASE - 1);
	return true;
}

static struct digits
fraction(const struct frac_key *key)
{
	const uint32_t head = int_bytes(key->b[0]);

	return (struct digits){ key->b + head, key->len - head };
}

static bool
below(const struct build *a, const struct frac_key *b)
{
	const int order = memcmp(a->b, b->b, aef_min_u32(a->len, b->len));

	return order < 0 || (order == 0 && a->len < b->len);
}

static int
below_all(const struct frac_key *b, struct build *ret)
{
	const uint32_t len = int_bytes(b->b[0]);
	const struct digits none = { b->b, 0 }, upper = fraction(b);

	if (is_lowest(b->b, len)) {
		put_all(ret, b->b, len);
		midpoint(ret, none, &upper);
	} else if (upper.len > 0) {
		put_all(ret, b->b, len);
	} else if (!decrement(b->b, len, ret)) {
		return AEF_ERR_RANGE;
	}
	/* What is below all keys is none, and has no room below it: half a step above it. */
	if (is_lowest(ret->b, ret->len))
		midpoint(ret, none, NULL);
	return 0;
}

static void
above(const struct frac_key *a, struct build *ret)
{
	const uint32_t len = int_bytes(a->b[0]);

	if (increment(a->b, len, ret))
		return;
	*ret = (struct build){ 0 };
	put_all(ret, a->b, len);
	midpoint(ret, fraction(a), NULL);
}

static void
inside(const struct frac_key *a, const struct frac_key *b, struct build *ret)
{
	const uint32_t len = int_bytes(a->b[0]);
	const struct digits lower = fraction(a), upper = fraction(b);

	if (len == int_bytes(b->b[0]) && memcmp(a->b, b->b, len) == 0) {
		put_all(ret, a->b, len);
		midpoint(ret, lower, &upper);
		return;
	}
	if (increment(a->b, len, ret) && below(ret, b))
		return;
	*ret = (struct build){ 0 };
	put_all(ret, a->b, len);
	midpoint(ret, lower, NULL);
}

int
frac_between(const struct frac_key *a, const struct frac_key *b, struct frac_key *ret_key)
{
	struct build key = { 0 };
	int r = 0;

	if (a != NULL && b != NULL && frac_cmp(a, b) >= 0)
		return AEF_ERR_RANGE;
	if (a != NULL && b != NULL)
		inside(a, b, &key);
	else if (a != NULL)
		above(a, &key);
	else if (b != NULL)
		r = below_all(b, &key);
	else
		key = (struct build){ .len = 2, .b = { 'a', '0' } };
	if (r == 0 && key.len > FRAC_KEY_MAX)
		r = AEF_ERR_LIMIT;
	if (r != 0)
		return r;
	ret_key->len = (uint8_t)key.len;
	memcpy(ret_key->b, key.b, key.len);
	return 0;
}

/* Between two bounds: the middle first, then both halves. */
static int
spread_inside(const struct frac_key *a, const struct frac_key *b, uint32_t nb, struct frac_key *ret)
{
	/* Halves that wait for their turn: at most one for each halving of 2^32. */
	struct {
		const struct frac_key *a, *b;
		uint32_t first, nb;
	} todo[64] = { { a, b, 0, nb } };
	unsigned nb_todo = 1;

	while (nb_todo > 0) {
		const struct frac_key *low = todo[nb_todo - 1].a, *high = todo[nb_todo - 1].b;
		const uint32_t first = todo[nb_todo - 1].first, n = todo[nb_todo - 1].nb;
		struct frac_key *mid = &ret[first + n / 2];
		int r;

		nb_todo--;
		if (n == 0)
			continue;
		r = frac_between(low, high, mid);
		if (r != 0)
			return r;
		todo[nb_todo].a = low;
		todo[nb_todo].b = mid;
		todo[nb_todo].first = first;
		todo[nb_todo++].nb = n / 2;
		todo[nb_todo].a = mid;
		todo[nb_todo].b = high;
		todo[nb_todo].first = first + n / 2 + 1;
		todo[nb_todo++].nb = n - n / 2 - 1;
	}
	return 0;
}

int
frac_spread(const struct frac_key *a, const struct frac_key *b, uint32_t nb,
            struct frac_key *ret_keys)
{
	int r = 0;

	if (nb == 0 || (a != NULL && b != NULL))
		return nb == 0 ? 0 : spread_inside(a, b, nb, ret_keys);
	if (b == NULL) {
		for (uint32_t i = 0; r == 0 && i < nb; i++)
			r = frac_between(i == 0 ? a : &ret_keys[i - 1], NULL, &ret_keys[i]);
	} else {
		for (uint32_t i = nb; r == 0 && i-- > 0;)
			r = frac_between(NULL, i + 1 == nb ? b : &ret_keys[i + 1], &ret_keys[i]);
	}
	return r;
}
