/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests that wait on an event loop. */
#ifndef FOG_TEST_LOOP_H
#define FOG_TEST_LOOP_H

#include <CUnit/CUnit.h>
#include <ev.h>

static inline void fog_test_give_up(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

/* Runs `struct ev_loop *loop` of the includer until cond holds; after 20 s the test fails. */
#define RUN_UNTIL(cond)                                               \
	do {                                                          \
		struct ev_timer give_up;                              \
		ev_timer_init(&give_up, fog_test_give_up, 20.0, 0.0); \
		ev_timer_start(loop, &give_up);                       \
		while (!(cond) && ev_is_active(&give_up))             \
			ev_run(loop, EVRUN_ONCE);                     \
		CU_ASSERT(cond);                                      \
		ev_timer_stop(loop, &give_up);                        \
	} while (0)

#endif
