/* SPDX-License-Identifier: BSD-3-Clause */
#include <pipeline/timer_wheel.h>

/*
 * A node of tick t stands at the level of the highest byte in which t differs from now_tick, in the
 * slot that this byte of t names. So all nodes of a slot share every byte above; when now_tick
 * enters the slot's range the nodes move down. Slots behind now_tick are always empty.
 */

#define SLOT_MASK (TIMER_WHEEL_SLOTS - 1u)
#define NONE      UINT32_MAX

static uint64_t
tick_of(uint64_t ns)
{
	return ns >> TIMER_WHEEL_TICK_SHIFT;
}

static uint32_t
index_at(uint64_t tick, uint32_t level)
{
	return (uint32_t)(tick >> (level * TIMER_WHEEL_BITS)) & SLOT_MASK;
}

void
timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns)
{
	*wheel = (struct timer_wheel){ .now_tick = tick_of(now_ns) };
	for (uint32_t level = 0; level < TIMER_WHEEL_LEVELS; level++)
		for (uint32_t i = 0; i < TIMER_WHEEL_SLOTS; i++)
			aef_list_init(&wheel->slots[level][i]);
}

void
timer_node_init(struct timer_node *node)
{
	aef_list_init(&node->link);
	node->expires_ns = AEF_TIME_NEVER;
	node->slot = 0;
}

static void
insert(struct timer_wheel *wheel, struct timer_node *node)
{
	const uint64_t end =
		wheel->now_tick | ((1ull << (TIMER_WHEEL_LEVELS * TIMER_WHEEL_BITS)) - 1);
	uint64_t tick = aef_max_u64(tick_of(node->expires_ns), wheel->now_tick);
	uint32_t level, idx;

	tick = aef_min_u64(tick, end); /* beyond the wheel: looked at again when it turns over */
	level = tick == wheel->now_tick
	                ? 0
	                : (63u - (uint32_t)__builtin_clzll(tick ^ wheel->now_tick)) /
	                          TIMER_WHEEL_BITS;
	idx = index_at(tick, level);
	node->slot = (uint16_t)(level * TIMER_WHEEL_SLOTS + idx);
	aef_list_append(&wheel->slots[level][idx], &node->link);
	wheel->used[level][idx / 64] |= 1ull << (idx % 64);
}

static void
take_out(struct timer_wheel *wheel, struct timer_node *node)
{
	const uint32_t level = node->slot / TIMER_WHEEL_SLOTS;
	const uint32_t idx = node->slot & SLOT_MASK;

	aef_list_remove(&node->link);
	if (aef_list_empty(&wheel->slots[level][idx]))
		wheel->used[level][idx / 64] &= ~(1ull << (idx % 64));
}

void
timer_wheel_arm(struct timer_wheel *wheel, struct timer_node *node, uint64_t expires_ns)
{
	timer_wheel_cancel(wheel, node);
	if (expires_ns == AEF_TIME_NEVER)
		return;
	node->expires_ns = expires_ns;
	insert(wheel, node);
	wheel->nb_armed++;
}

void
timer_wheel_cancel(struct timer_wheel *wheel, struct timer_node *node)
{
	if (node->expires_ns == AEF_TIME_NEVER)
		return;
	take_out(wheel, node);
	node->expires_ns = AEF_TIME_NEVER;
	wheel->nb_armed--;
}

/* Index of the first used slot of a level from @p from on, or NONE. */
static uint32_t
first_used(const struct timer_wheel *wheel, uint32_t level, uint32_t from)
{
	for (uint32_t word = from / 64; word < TIMER_WHEEL_SLOTS / 64; word++) {
		uint64_t bits = wheel->used[level][word];

		if (word == from / 64)
			bits &= UINT64_MAX << (from % 64);
		if (bits != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
	return NONE;
}

/* First tick of slot @p idx at @p level, in the present turn of the levels above. */
static uint64_t
slot_start(const struct timer_wheel *wheel, uint32_t level, uint32_t idx)
{
	const uint32_t shift = level * TIMER_WHEEL_BITS;
	const uint64_t above = wheel->now_tick >> shift >> TIMER_WHEEL_BITS;

	return (above << TIMER_WHEEL_BITS | idx) << shift;
}

/* Let the nodes of a slot whose range has begun move down. */
static void
cascade(struct timer_wheel *wheel, uint32_t level, uint32_t idx)
{
	struct aef_list nodes;

	aef_list_init(&nodes);
	aef_list_foreach_safe (link, &wheel->slots[level][idx]) {
		aef_list_remove(link);
		aef_list_append(&nodes, link);
	}
	wheel->used[level][idx / 64] &= ~(1ull << (idx % 64));
	aef_list_foreach_safe (link, &nodes) {
		aef_list_remove(link);
		insert(wheel, aef_list_entry(link, struct timer_node, link));
	}
}

/* Only nodes beyond the wheel's last tick can be left in a slot that is over: the wheel turns. */
static void
turn(struct timer_wheel *wheel)
{
	const uint32_t idx = index_at(wheel->now_tick, 0);

	wheel->now_tick++;
	cascade(wheel, 0, idx);
}

static bool
slot_empty(const struct timer_wheel *wheel)
{
	return aef_list_empty(&wheel->slots[0][index_at(wheel->now_tick, 0)]);
}

/* Go to the next used slot, but not past @p target. @return false: at target, nothing before it */
static bool
advance(struct timer_wheel *wheel, uint64_t target)
{
	for (uint32_t level = 0; level < TIMER_WHEEL_LEVELS; level++) {
		const uint32_t from = index_at(wheel->now_tick, level) + 1;
		const uint32_t idx =
			from < TIMER_WHEEL_SLOTS ? first_used(wheel, level, from) : NONE;

		if (idx == NONE)
			continue;
		const uint64_t start = slot_start(wheel, level, idx);

		if (start > target)
			break; /* higher levels begin later still */
		wheel->now_tick = start;
		if (level > 0)
			cascade(wheel, level, idx);
		return true;
	}
	wheel->now_tick = target;
	return false;
}

static struct timer_node *
due_in_slot(struct timer_wheel *wheel, uint64_t now_ns)
{
	aef_list_foreach (link, &wheel->slots[0][index_at(wheel->now_tick, 0)]) {
		struct timer_node *node = aef_list_entry(link, struct timer_node, link);

		if (node->expires_ns <= now_ns)
			return node;
	}
	return NULL;
}

struct timer_node *
timer_wheel_pop(struct timer_wheel *wheel, uint64_t now_ns)
{
	const uint64_t target = tick_of(now_ns);

	if (wheel->nb_armed == 0) {
		wheel->now_tick = aef_max_u64(wheel->now_tick, target);
		return NULL;
	}
	for (;;) {
		struct timer_node *node = due_in_slot(wheel, now_ns);

		if (node != NULL) {
			timer_wheel_cancel(wheel, node);
			return node;
		}
		if (wheel->now_tick >= target)
			return NULL;
		if (!slot_empty(wheel))
			turn(wheel);
		else if (!advance(wheel, target) && slot_empty(wheel))
			return NULL;
	}
}

uint64_t
timer_wheel_next_ns(const struct timer_wheel *wheel)
{
	uint64_t next = AEF_TIME_NEVER;

	if (wheel->nb_armed == 0)
		return next;
	/* The first used slot of the lowest level that has one holds the earliest node. */
	for (uint32_t level = 0; level < TIMER_WHEEL_LEVELS && next == AEF_TIME_NEVER; level++) {
		const uint32_t idx = first_used(wheel, level, index_at(wheel->now_tick, level));

		if (idx == NONE)
			continue;
		aef_list_foreach (link, &wheel->slots[level][idx]) {
			const struct timer_node *node =
				aef_list_entry(link, struct timer_node, link);

			next = aef_min_u64(next, node->expires_ns);
		}
	}
	return next;
}
