/* SPDX-License-Identifier: BSD-3-Clause */
/* Sanitizers make everything some ten times slower: tests of volume do a tenth there. */
#ifndef FOG_TESTS_SHM_SCALE_H
#define FOG_TESTS_SHM_SCALE_H

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FOG_TEST_SCALE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define FOG_TEST_SCALE 1
#endif
#endif
#ifndef FOG_TEST_SCALE
#define FOG_TEST_SCALE 10
#endif

#endif
