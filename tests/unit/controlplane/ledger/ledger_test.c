/* SPDX-License-Identifier: BSD-3-Clause */
/* Over an array of accounts that can be told to fail at its n-th call. */
#include "controlplane/ledger/ledger.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define ACCOUNTS_MAX 64
#define KEYS_MAX     20000

struct book {
	u32 account_count, key_count;
	struct {
		char name[FOG_LEDGER_ACCOUNT_SIZE];
		i64 balance;
	} account[ACCOUNTS_MAX];
	struct fog_ledger_tx applied[KEYS_MAX];
	u32 calls, fail_at; /* 0 = never */
	i64 skew;           /* added to what is written: a broken store */
};

static struct book book, saved;

static bool failing(struct book *b)
{
	return ++b->calls == b->fail_at;
}

static int book_find(void *context, const char *key, struct fog_ledger_tx *out)
{
	struct book *b = context;

	if (failing(b))
		return -EIO;
	for (u32 i = 0; i < b->key_count; i++)
		if (strcmp(b->applied[i].key, key) == 0) {
			*out = b->applied[i];
			return 0;
		}
	return -ENOENT;
}

static u32 account_index(struct book *b, const char *name)
{
	for (u32 i = 0; i < b->account_count; i++)
		if (strcmp(b->account[i].name, name) == 0)
			return i;
	FOG_ASSERT(b->account_count < ACCOUNTS_MAX);
	snprintf(b->account[b->account_count].name, FOG_LEDGER_ACCOUNT_SIZE, "%s", name);
	b->account[b->account_count].balance = 0;
	return b->account_count++;
}

static int book_balance(void *context, const char *account, i64 *out)
{
	struct book *b = context;

	if (failing(b))
		return -EIO;
	*out = b->account[account_index(b, account)].balance;
	return 0;
}

static int book_post(void *context, const struct fog_ledger_tx *tx, u32 index, i64 balance_new,
		     u64 now_ms)
{
	struct book *b = context;

	if (failing(b))
		return -EIO;
	b->account[account_index(b, tx->entry[index].account)].balance = balance_new + b->skew;
	return 0;
}

static int book_record(void *context, const struct fog_ledger_tx *tx, u64 now_ms)
{
	struct book *b = context;

	if (failing(b))
		return -EIO;
	FOG_ASSERT(b->key_count < KEYS_MAX);
	b->applied[b->key_count++] = *tx;
	return 0;
}

static const struct fog_ledger_backend backend = {&book, book_find, book_balance, book_post,
						  book_record};

static i64 balance(const char *name)
{
	return book.account[account_index(&book, name)].balance;
}

static int transfer(const char *key, const char *from, const char *to, i64 amount)
{
	struct fog_ledger_tx tx;
	int rc = fog_ledger_transfer(&tx, key, from, to, amount, "test");

	return rc != 0 ? rc : fog_ledger_apply(&backend, &tx, 1);
}

static void book_reset(void)
{
	memset(&book, 0, sizeof(book));
}

static void test_life_cycle(void)
{
	struct fog_ledger_tx tx;

	book_reset();
	CU_ASSERT_EQUAL(transfer("grant:ann", "issuer", "user:ann", 1000), 0);
	CU_ASSERT_EQUAL(fog_ledger_hold(&tx, "hold:j1.1", "ann", "j1", 300), 0);
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), 0);
	CU_ASSERT_EQUAL(balance("user:ann"), 700);
	CU_ASSERT_EQUAL(balance("escrow:j1"), 300);
	CU_ASSERT_EQUAL(fog_ledger_settle(&tx, "settle:j1", "ann", "j1", "aa", 300, 120, 50000), 0);
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), 0);
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), 0);
	CU_ASSERT_EQUAL(balance("escrow:j1"), 0);
	CU_ASSERT_EQUAL(balance("host:aa"), 114);
	CU_ASSERT_EQUAL(balance("fees"), 6);
	CU_ASSERT_EQUAL(balance("user:ann"), 880);
	CU_ASSERT_EQUAL(balance("issuer"), -1000);
}

static void test_bad_arguments(void)
{
	struct fog_ledger_tx tx;

	book_reset();
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a", -1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "issuer", 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:", 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "bank", 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a b", 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("", "issuer", "user:a", 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a", FOG_LEDGER_AMOUNT_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(transfer("k", "user:a", "user:b", 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_ledger_settle(&tx, "k", "a", "j", "h", 10, 11, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_ledger_settle(&tx, "k", "a", "j", "h", 10, 10, 1000001), -EINVAL);
	CU_ASSERT_EQUAL(fog_ledger_hold(&tx, "k", "a", "j", -1), -EINVAL);
	CU_ASSERT_EQUAL(fog_ledger_release(&tx, "k", "a", "j", -1), -EINVAL);
	CU_ASSERT_EQUAL(book.key_count, 0);

	CU_ASSERT_EQUAL(fog_ledger_transfer(&tx, "k", "issuer", "user:a", 5, "m"), 0);
	tx.entry[0].amount = -6;
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), -EINVAL);
	tx.entry[0].amount = -5;
	snprintf(tx.entry[0].account, sizeof(tx.entry[0].account), "user:a");
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), -EINVAL);
	tx.entry_count = FOG_LEDGER_ENTRIES_MAX + 1;
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), -EINVAL);
	memset(tx.entry[0].account, 'x', sizeof(tx.entry[0].account));
	tx.entry_count = 2;
	CU_ASSERT_EQUAL(fog_ledger_apply(&backend, &tx, 1), -EINVAL);
}

static void test_idempotency(void)
{
	book_reset();
	CU_ASSERT_EQUAL(transfer("g", "issuer", "user:a", 10), 0);
	CU_ASSERT_EQUAL(transfer("g", "issuer", "user:a", 10), 0);
	CU_ASSERT_EQUAL(transfer("g", "issuer", "user:a", 11), -EEXIST);
	CU_ASSERT_EQUAL(transfer("g", "issuer", "user:b", 10), -EEXIST);
	CU_ASSERT_EQUAL(balance("user:a"), 10);
	CU_ASSERT_EQUAL(transfer("zero", "issuer", "user:a", 0), 0);
	CU_ASSERT_EQUAL(transfer("zero", "issuer", "user:a", 1), -EEXIST);
}

static void test_overflow(void)
{
	book_reset();
	book.account[account_index(&book, "user:a")].balance = INT64_MAX - 5;
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a", 6), -EOVERFLOW);
	CU_ASSERT_EQUAL(balance("issuer"), 0);
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a", 5), 0);
}

/* A backend that stores something else than it was told is noticed. */
static void test_conservation_checked(void)
{
	book_reset();
	book.skew = 1;
	CU_ASSERT_EQUAL(transfer("k", "issuer", "user:a", 6), -EUCLEAN);
}

static void random_tx(struct fog_ledger_tx *tx, u32 a, u32 n)
{
	static const char *const users[] = {"ann", "bob", "eve"};
	static const char *const jobs[] = {"j1", "j2", "j3", "j4"};
	const char *user = users[a % 3], *job = jobs[(a >> 4) % 4];
	i64 amount = (a >> 8) % 500, held;
	char key[32], account[FOG_LEDGER_ACCOUNT_SIZE];

	/* One key in eight is used again. */
	snprintf(key, sizeof(key), "k%u", (a >> 20) % 8 == 0 && n > 0 ? (a >> 3) % n : n);
	snprintf(account, sizeof(account), "escrow:%s", job);
	held = balance(account);
	switch ((a >> 24) % 4) {
	case 0:
		snprintf(account, sizeof(account), "user:%s", user);
		fog_ledger_transfer(tx, key, "issuer", account, amount, "grant");
		break;
	case 1:
		fog_ledger_hold(tx, key, user, job, amount);
		break;
	case 2:
		fog_ledger_release(tx, key, user, job, amount);
		break;
	default:
		fog_ledger_settle(tx, key, user, job, "aa", held, held / 2, 30000);
	}
}

/* Random operations, some cut off by a failing store after which the book is put back, as a
 * database rolls back: sums stay zero, nobody but the issuer goes below zero, no key counts twice.
 */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 4711;
	u32 applied = 0, cut = 0;

	printf("seed %llu ", (unsigned long long)seed);
	book_reset();
	for (u32 n = 0; n < 4000; n++) {
		struct fog_ledger_tx tx;
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		u32 a = (u32)(seed >> 32);
		random_tx(&tx, a, n);
		book.calls = 0;
		book.fail_at = a % 5 == 0 ? 1 + (a >> 7) % 16 : 0;
		if (book.fail_at != 0)
			saved = book;
		u32 keys = book.key_count;
		int rc = fog_ledger_apply(&backend, &tx, n);
		CU_ASSERT_FATAL(rc == 0 || rc == -ENOSPC || rc == -EIO || rc == -EEXIST);
		if (rc == -EIO) {
			book = saved;
			cut++;
		} else if (rc != 0) {
			CU_ASSERT_EQUAL_FATAL(book.key_count, keys);
		} else {
			applied += book.key_count - keys;
		}
		__int128 sum = 0;
		for (u32 i = 0; i < book.account_count; i++) {
			sum += book.account[i].balance;
			CU_ASSERT_FATAL(book.account[i].balance >= 0 ||
					strcmp(book.account[i].name, "issuer") == 0);
		}
		CU_ASSERT_FATAL(sum == 0);
	}
	CU_ASSERT(applied > 500);
	CU_ASSERT(cut > 50);
}

FOG_TEST_MAIN("controlplane/ledger", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_idempotency), FOG_TEST(test_overflow),
	      FOG_TEST(test_conservation_checked), FOG_TEST(test_random))
