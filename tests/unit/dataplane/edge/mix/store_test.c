/* SPDX-License-Identifier: BSD-3-Clause */
/* Mail on disk: what is kept over a restart, in which order, and what the limits refuse. */
#include "dataplane/edge/mix/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

static struct fog_mailstore s;
static char top[64], dir[96];

static void begin(void)
{
	/* In memory: thousands of files are synced one by one. */
	snprintf(top, sizeof(top), "/dev/shm/fog-store-test-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(top) != NULL);
	snprintf(dir, sizeof(dir), "%s/mail", top);
	CU_ASSERT_EQUAL_FATAL(fog_mailstore_open(&s, dir), 0);
}

static void again(void)
{
	fog_mailstore_close(&s);
	CU_ASSERT_EQUAL_FATAL(fog_mailstore_open(&s, dir), 0);
}

static void end(void)
{
	fog_mailstore_close(&s);
	CU_ASSERT_EQUAL(fog_test_tree_remove(top), 0);
}

static char data[16];
static struct fog_mailstore_fragment f = {.data = data, .room = sizeof(data)};

static void test_held(void)
{
	static const u8 box[32] = {1}, other[32] = {2}, none[32] = {3};
	u64 last = 0;

	begin();
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, 0, 0, &f), -ENOENT);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(data, sizeof(data), "text %u", i);
		CU_ASSERT_EQUAL(fog_mailstore_hold(&s, box, data, 7), 0);
		if (i == 2)
			again();
	}
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, other, "other", 6), 0);
	again();
	CU_ASSERT_EQUAL(s.held_count, 6);
	/* In order, each with a number above the one before. */
	for (unsigned i = 0; i < 5; i++) {
		char want[16];
		CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, last, 0, &f), 0);
		snprintf(want, sizeof(want), "text %u", i);
		CU_ASSERT_EQUAL(f.len, 7);
		CU_ASSERT_STRING_EQUAL(data, want);
		CU_ASSERT_EQUAL(f.more, 4 - i);
		CU_ASSERT_EQUAL(f.before, last);
		CU_ASSERT(f.sequence > last);
		last = f.sequence;
	}
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, last, 0, &f), -ENOENT);
	/* Any of them, by how many lie before it. */
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, 0, 3, &f), 0);
	CU_ASSERT_STRING_EQUAL(data, "text 3");
	CU_ASSERT_EQUAL(f.more, 1);
	CU_ASSERT(f.before > 0 && f.before < f.sequence);
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, 0, 5, &f), -ENOENT);
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, 0, UINT32_MAX, &f), -ENOENT);
	CU_ASSERT_EQUAL(fog_mailstore_release(&s, box, f.before), 0);
	CU_ASSERT_EQUAL(s.held_count, 3);
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, 0, 0, &f), 0);
	CU_ASSERT_STRING_EQUAL(data, "text 3");
	CU_ASSERT_EQUAL(f.before, 0);
	CU_ASSERT_EQUAL(fog_mailstore_release(&s, box, last), 0);
	CU_ASSERT_EQUAL(fog_mailstore_release(&s, box, last), 0);
	CU_ASSERT_EQUAL(fog_mailstore_release(&s, none, last), 0);
	CU_ASSERT_EQUAL(s.held_count, 1);
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, other, 0, 0, &f), 0);
	CU_ASSERT_STRING_EQUAL(data, "other");
	/* Emptied and opened again, numbers still grow: the owner asks for what comes after. */
	again();
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, box, "new", 4), 0);
	CU_ASSERT_EQUAL(fog_mailstore_held(&s, box, last, 0, &f), 0);
	CU_ASSERT_STRING_EQUAL(data, "new");
	end();
}

static void test_messages(void)
{
	u8 id[FOG_STORE_ID] = {9}, list[4][FOG_STORE_ID];
	struct stat st;
	char path[128];
	size_t len;

	begin();
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, id, "nine", 5), 0);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, id, "twice", 6), -EEXIST);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_OUTBOX, id, "out", 4), 0);
	id[0] = 3;
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, id, "three", 6), 0);
	/* A write that a crash cut off leaves a dot file: nobody's message. */
	snprintf(path, sizeof(path), "%s/inbox/.00", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	again();
	CU_ASSERT_EQUAL(s.inbox_count, 2);
	CU_ASSERT_EQUAL(s.outbox_count, 1);
	CU_ASSERT_EQUAL(fog_mailstore_list(&s, FOG_MAILSTORE_INBOX, list, 4), 2);
	CU_ASSERT_EQUAL(list[0][0], 3);
	CU_ASSERT_EQUAL(list[1][0], 9);
	CU_ASSERT_EQUAL(fog_mailstore_list(&s, FOG_MAILSTORE_INBOX, list, 1), 1);
	CU_ASSERT_EQUAL(fog_mailstore_get(&s, FOG_MAILSTORE_INBOX, id, data, 16, &len), 0);
	CU_ASSERT_STRING_EQUAL(data, "three");
	CU_ASSERT_EQUAL(fog_mailstore_delete(&s, FOG_MAILSTORE_INBOX, id), 0);
	CU_ASSERT_EQUAL(fog_mailstore_delete(&s, FOG_MAILSTORE_INBOX, id), -ENOENT);
	CU_ASSERT_EQUAL(fog_mailstore_get(&s, FOG_MAILSTORE_INBOX, id, data, 16, &len), -ENOENT);
	CU_ASSERT_EQUAL(s.inbox_count, 1);
	CU_ASSERT_EQUAL(stat(dir, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	end();
}

/* What came is known after a restart; so is what a crash left in the inbox without a note. */
static void test_known(void)
{
	u8 noted[FOG_STORE_ID] = {1}, left[FOG_STORE_ID] = {2};

	begin();
	CU_ASSERT_EQUAL(fog_known_add(&s.known, noted, 1), 0);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, left, "x", 1), 0);
	CU_ASSERT(!fog_known_has(&s.known, left));
	again();
	CU_ASSERT(fog_known_has(&s.known, noted));
	CU_ASSERT(fog_known_has(&s.known, left));
	CU_ASSERT_EQUAL(fog_mailstore_delete(&s, FOG_MAILSTORE_INBOX, left), 0);
	again();
	CU_ASSERT(fog_known_has(&s.known, left));
	end();
}

/* A crash between the turn of the halves and the first note of the new one: what is noted then is
 * of now, and does not make the next message the turn of the other half. */
static void test_known_turn(void)
{
	u8 noted[FOG_STORE_ID] = {1}, left[FOG_STORE_ID] = {2}, next[FOG_STORE_ID] = {3};
	u64 now_ns = (u64)time(NULL) * 1000000000;
	char from[128], to[128];

	begin();
	CU_ASSERT_EQUAL(fog_known_add(&s.known, noted, now_ns), 0);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, left, "x", 1), 0);
	snprintf(from, sizeof(from), "%s/received", dir);
	snprintf(to, sizeof(to), "%s/received.before", dir);
	CU_ASSERT_EQUAL(rename(from, to), 0);
	again();
	CU_ASSERT(fog_known_has(&s.known, left));
	CU_ASSERT_EQUAL(fog_known_add(&s.known, next, now_ns), 0);
	CU_ASSERT(fog_known_has(&s.known, noted));
	end();
}

static void fill(const char *folder, int digits, unsigned count)
{
	char path[352];

	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s/%0*x", dir, folder, digits, i);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		CU_ASSERT_FATAL(fd >= 0);
		close(fd);
	}
}

/* Full at each limit, and with room again after one is taken. */
static void test_limits(void)
{
	static const u8 box[32] = {0xab};
	u8 id[FOG_STORE_ID] = {0xff}, list[1][FOG_STORE_ID];
	char path[192], name[65];

	begin();
	fill("outbox", 32, FOG_STORE_OUTBOX_MAX);
	fill("inbox", 32, FOG_STORE_INBOX_MAX);
	again();
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_OUTBOX, id, "x", 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_INBOX, id, "x", 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_mailstore_list(&s, FOG_MAILSTORE_OUTBOX, list, 1), 1);
	CU_ASSERT_EQUAL(fog_mailstore_delete(&s, FOG_MAILSTORE_OUTBOX, list[0]), 0);
	CU_ASSERT_EQUAL(fog_mailstore_put(&s, FOG_MAILSTORE_OUTBOX, id, "x", 1), 0);
	/* A mailbox, then the number of mailboxes. */
	fog_hex_encode(box, 32, name, sizeof(name));
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, box, "x", 1), 0);
	snprintf(path, sizeof(path), "held/%s", name);
	fill(path, 16, FOG_STORE_HELD_MAX - 1);
	again();
	CU_ASSERT_EQUAL(s.held_count, FOG_STORE_HELD_MAX);
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, box, "x", 1), -ENOSPC);
	for (unsigned i = 1; i < FOG_STORE_BOXES_MAX; i++) {
		snprintf(path, sizeof(path), "%s/held/%064x", dir, i);
		CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
		fill(path + strlen(dir) + 1, 16, 1);
	}
	/* What a crash left takes no place. */
	snprintf(path, sizeof(path), "%s/held/%064x", dir, FOG_STORE_BOXES_MAX);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	again();
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, (const u8[32]){0xcd}, "x", 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_mailstore_release(&s, box, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(fog_mailstore_hold(&s, (const u8[32]){0xcd}, "x", 1), 0);
	end();
}

/* A folder that cannot be made, or is none. */
static void test_open_fails(void)
{
	struct fog_mailstore other;

	CU_ASSERT_EQUAL(fog_mailstore_open(&other, "/proc/fog-no-such"), -ENOENT);
	CU_ASSERT_EQUAL(fog_mailstore_open(&other, "/etc/passwd"), -ENOTDIR);
	CU_ASSERT_EQUAL(other.root, -1);
	fog_mailstore_close(&other);
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_held),   FOG_TEST(test_messages),
						FOG_TEST(test_known),  FOG_TEST(test_known_turn),
						FOG_TEST(test_limits), FOG_TEST(test_open_fails)};

	return fog_test_run("dataplane/edge/mix/store", tests, FOG_ARRAY_COUNT(tests));
}
