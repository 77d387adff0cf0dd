/* SPDX-License-Identifier: BSD-3-Clause */
/* A small model checker: runs the real code of ring.h and feed.h, compiled against these atomics,
 * in every order of its atomic steps, and lets every load see every value that C11 allows it.
 *
 * Two threads are coroutines; before each atomic operation the checker chooses who goes on. Each
 * location has one writer and keeps all its values; a thread has a view, the oldest value of each
 * that it may still read. A release store carries the writer's view, an acquire load takes it over;
 * sequentially consistent fences share one view. That is C11 without loads from the future, and a
 * little weaker (relaxed loads before a fence carry nothing), so what holds here holds there. Plain
 * memory is checked for races by vector clocks.
 *
 * The choices of a run are a path in a tree; runs repeat until the tree is done (stateless search).
 * Include this first: it replaces the atomics and memcpy of what follows. */
#ifndef FOG_TEST_MODEL_H
#define FOG_TEST_MODEL_H

#include <stdatomic.h>
#include <ucontext.h>

#include "crypto/types.h"

#define MODEL_THREADS   2
#define MODEL_LOCATIONS 8
#define MODEL_VALUES    64  /* per location and run */
#define MODEL_DEPTH     512 /* choices of a run */
#define MODEL_BYTES     256 /* of watched plain memory */
#define MODEL_STACK     (64 * 1024)

/* Bugs to put in, to see that they are found. */
enum model_weakness {
	MODEL_SOUND = 0,
	MODEL_RELEASE_RELAXED = 1,
	MODEL_NO_FENCE = 2,
};

struct model_view {
	u32 seen[MODEL_LOCATIONS];
	u32 clock[MODEL_THREADS];
};

struct model_location {
	const void *address;
	u32 count;
	u64 value[MODEL_VALUES];
	struct model_view view[MODEL_VALUES];
};

struct model_thread {
	ucontext_t context;
	void (*fn)(void);
	struct model_view view;
	bool done;
	const void *awaits; /* blocked until a new value comes there, or an event */
	u32 awaits_count;
	u8 stack[MODEL_STACK];
};

struct model {
	struct model_thread thread[MODEL_THREADS];
	ucontext_t checker;
	unsigned current;
	struct model_view fence;
	struct model_location location[MODEL_LOCATIONS];
	u32 locations;
	u64 event; /* an eventfd per run: written by wake, taken by sleep */
	struct model_view event_view;
	u8 *plain;
	u32 plain_size;
	u32 read_clock[MODEL_BYTES][MODEL_THREADS], write_clock[MODEL_BYTES];
	u8 writer[MODEL_BYTES];
	const char *failure;
	/* The search. */
	enum model_weakness weakness;
	unsigned preemptions, preemptions_max;
	u32 depth, known;
	u8 chosen[MODEL_DEPTH], of[MODEL_DEPTH];
	u64 runs;
};

static struct model model;

static void model_fail(const char *why)
{
	if (model.failure == NULL)
		model.failure = why;
}

/* One of `count` ways: the next untried one, in the end all of them. */
static u32 model_choose(u32 count)
{
	u32 d = model.depth++;

	FOG_ASSERT(d < MODEL_DEPTH && count < 256);
	if (d >= model.known) {
		model.known = d + 1;
		model.chosen[d] = 0;
		model.of[d] = (u8)count;
	}
	FOG_ASSERT(model.of[d] == count);
	return model.chosen[d];
}

static void model_join(struct model_view *to, const struct model_view *from)
{
	for (unsigned i = 0; i < MODEL_LOCATIONS; i++)
		to->seen[i] = FOG_MAX(to->seen[i], from->seen[i]);
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		to->clock[i] = FOG_MAX(to->clock[i], from->clock[i]);
}

static struct model_thread *model_self(void)
{
	return &model.thread[model.current];
}

/* Back to the checker, which decides who runs. After a failure nothing matters any more. */
static void model_yield(void)
{
	struct model_thread *t = model_self();

	swapcontext(&t->context, &model.checker);
}

static struct model_location *model_location(const void *address)
{
	for (u32 i = 0; i < model.locations; i++)
		if (model.location[i].address == address)
			return &model.location[i];
	FOG_ASSERT(model.locations < MODEL_LOCATIONS);
	struct model_location *l = &model.location[model.locations++];
	memset(l, 0, sizeof(*l));
	l->address = address;
	l->count = 1; /* everything starts as zero */
	return l;
}

static u64 model_load(const void *address, memory_order order)
{
	struct model_thread *t = model_self();

	model_yield();
	struct model_location *l = model_location(address);
	u32 index = (u32)(l - model.location), oldest = t->view.seen[index];
	u32 at = l->count - 1 - (l->count - oldest > 1 ? model_choose(l->count - oldest) : 0);
	t->view.seen[index] = at;
	if (order == memory_order_acquire)
		model_join(&t->view, &l->view[at]);
	return l->value[at];
}

static void model_store(const void *address, u64 value, memory_order order)
{
	struct model_thread *t = model_self();

	model_yield();
	struct model_location *l = model_location(address);
	u32 index = (u32)(l - model.location), at = l->count++;
	FOG_ASSERT(at < MODEL_VALUES);
	l->value[at] = value;
	t->view.seen[index] = at;
	t->view.clock[model.current]++;
	memset(&l->view[at], 0, sizeof(l->view[at]));
	if (order == memory_order_release && model.weakness != MODEL_RELEASE_RELAXED)
		l->view[at] = t->view;
	l->view[at].seen[index] = at;
}

static void model_fence_all(void)
{
	struct model_thread *t = model_self();

	if (model.weakness == MODEL_NO_FENCE)
		return;
	model_yield();
	t->view.clock[model.current]++;
	model_join(&model.fence, &t->view);
	t->view = model.fence;
}

/* Plain accesses of watched memory; anything else is private to a thread. */
static void model_access(const void *address, size_t size, bool write)
{
	const u8 *p = address;
	unsigned me = model.current;
	const u32 *clock = model_self()->view.clock;

	if (p < model.plain || p >= model.plain + model.plain_size)
		return;
	for (size_t i = (size_t)(p - model.plain), end = i + size; i < end; i++) {
		FOG_ASSERT(i < model.plain_size);
		if (model.writer[i] != me && model.write_clock[i] > clock[model.writer[i]])
			model_fail("race: not ordered after a write");
		if (write)
			for (unsigned t = 0; t < MODEL_THREADS; t++)
				if (t != me && model.read_clock[i][t] > clock[t])
					model_fail("race: a write not ordered after a read");
		if (write) {
			model.writer[i] = (u8)me;
			model.write_clock[i] = clock[me] + 1;
		} else {
			model.read_clock[i][me] = clock[me] + 1;
		}
	}
}

static void *model_memcpy(void *to, const void *from, size_t size)
{
	u8 *d = to;
	const u8 *s = from;

	model_access(from, size, false);
	model_access(to, size, true);
	for (size_t i = 0; i < size; i++)
		d[i] = s[i];
	return to;
}

/* The eventfd: a system call orders everything before it. */
static void model_wake(void)
{
	model_yield();
	model.event++;
	model_self()->view.clock[model.current]++;
	model_join(&model.event_view, &model_self()->view);
}

static void model_sleep(void)
{
	struct model_thread *t = model_self();

	t->awaits = &model.event;
	model_yield();
	model.event = 0;
	model_join(&t->view, &model.event_view);
}

/* Blocks until somebody stores to `address` again. What is stored is seen in the end, so the thread
 * then sees the newest. */
static void model_await(const void *address)
{
	struct model_thread *t = model_self();
	struct model_location *l = model_location(address);
	u32 index = (u32)(l - model.location);

	t->awaits = address;
	t->awaits_count = t->view.seen[index] + 1;
	model_yield();
	t->view.seen[index] = l->count - 1;
}

static bool model_runnable(struct model_thread *t)
{
	if (t->done)
		return false;
	if (t->awaits == &model.event && model.event == 0)
		return false;
	if (t->awaits != NULL && t->awaits != &model.event &&
	    model_location(t->awaits)->count <= t->awaits_count)
		return false;
	return true;
}

static void model_entry(void)
{
	model_self()->fn();
	model_self()->done = true;
	model_yield();
}

static void model_thread_start(unsigned i, void (*fn)(void))
{
	struct model_thread *t = &model.thread[i];

	memset(&t->view, 0, sizeof(t->view));
	t->fn = fn;
	t->done = false;
	t->awaits = NULL;
	getcontext(&t->context);
	t->context.uc_stack.ss_sp = t->stack;
	t->context.uc_stack.ss_size = sizeof(t->stack);
	t->context.uc_link = NULL;
	makecontext(&t->context, model_entry, 0);
}

/* Who goes on: the same thread for free, the other one at the price of a preemption. */
static bool model_schedule(void)
{
	unsigned me = model.current, other = 1 - me;
	bool mine = model_runnable(&model.thread[me]);
	bool others = model_runnable(&model.thread[other]);

	if (!mine && !others)
		return false;
	if (mine && others && model.preemptions < model.preemptions_max) {
		if (model_choose(2) == 1) {
			model.preemptions++;
			model.current = other;
		}
	} else if (!mine) {
		model.current = other;
	}
	return true;
}

static void model_run(void (*setup)(void), void (*const fn[MODEL_THREADS])(void))
{
	model.depth = 0;
	model.current = 0;
	model.preemptions = 0;
	model.locations = 0;
	model.event = 0;
	memset(&model.fence, 0, sizeof(model.fence));
	memset(&model.event_view, 0, sizeof(model.event_view));
	memset(model.read_clock, 0, sizeof(model.read_clock));
	memset(model.write_clock, 0, sizeof(model.write_clock));
	setup();
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		model_thread_start(i, fn[i]);
	while (model.failure == NULL && model_schedule()) {
		struct model_thread *t = model_self();

		t->awaits = NULL;
		swapcontext(&model.checker, &t->context);
	}
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		if (!model.thread[i].done)
			model_fail("a thread waits for ever");
	model.runs++;
}

/* Runs everything. Returns NULL, or the first thing that went wrong. */
static const char *model_check(enum model_weakness weakness, unsigned preemptions_max,
			       void (*setup)(void), void (*first)(void), void (*second)(void))
{
	void (*const fn[MODEL_THREADS])(void) = {first, second};

	model.weakness = weakness;
	model.preemptions_max = preemptions_max;
	model.failure = NULL;
	model.known = 0;
	model.runs = 0;
	for (;;) {
		model_run(setup, fn);
		if (model.failure != NULL)
			return model.failure;
		while (model.known > 0 &&
		       model.chosen[model.known - 1] + 1 == model.of[model.known - 1])
			model.known--;
		if (model.known == 0)
			return NULL;
		model.chosen[model.known - 1]++;
	}
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_thread_fence
#undef memcpy
#define atomic_load_explicit(p, order)     model_load(p, order)
#define atomic_store_explicit(p, v, order) model_store(p, v, order)
#define atomic_thread_fence(order)         model_fence_all()
#define memcpy                             model_memcpy

#endif
