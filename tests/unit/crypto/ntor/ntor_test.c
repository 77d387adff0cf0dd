/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/ntor/ntor.h"

#include "crypto/curve/x25519.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define KEYS FOG_NTOR_CIRCUIT_KEYS

static u8 relay_id[32], relay_sk[32] = {8, 1}, relay_pk[32];
static const u8 x[32] = {8, 2}, y[32] = {8, 3};
static const u8 verification[] = "verify";
static u8 skin[FOG_NTOR_CLIENT_OVERHEAD + FOG_NTOR_MESSAGE_MAX];
static u8 created[FOG_NTOR_SERVER_OVERHEAD + FOG_NTOR_MESSAGE_MAX];
static u8 message[FOG_NTOR_MESSAGE_MAX];
static size_t skin_len, created_len, message_len;

static int start(struct fog_ntor_client *client, size_t len)
{
	static u8 text[FOG_NTOR_MESSAGE_MAX + 1];

	memset(relay_id, 7, sizeof(relay_id));
	memset(text, 5, sizeof(text));
	fog_x25519_base(relay_pk, relay_sk);
	return fog_ntor_client_start(client, relay_id, relay_pk, verification, sizeof(verification),
				     text, len, x, skin, sizeof(skin), &skin_len);
}

static int serve(const u8 *reply, size_t reply_len, u8 keys[KEYS])
{
	return fog_ntor_server(relay_id, relay_sk, relay_pk, verification, sizeof(verification),
			       skin, skin_len, reply, reply_len, message, sizeof(message),
			       &message_len, y, created, sizeof(created), &created_len, keys, KEYS);
}

static int finish(const struct fog_ntor_client *client, u8 keys[KEYS])
{
	return fog_ntor_client_finish(client, created, created_len, message, sizeof(message),
				      &message_len, keys, KEYS);
}

/* With messages of no, one, many and the most bytes each way. */
static void test_life_cycle(void)
{
	static const size_t sizes[] = {0, 1, 1000, FOG_NTOR_MESSAGE_MAX};
	static u8 reply[FOG_NTOR_MESSAGE_MAX] = {1, 2, 3};
	struct fog_ntor_client client;
	u8 client_keys[KEYS], server_keys[KEYS];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(sizes); i++) {
		CU_ASSERT_EQUAL_FATAL(start(&client, sizes[i]), 0);
		CU_ASSERT_EQUAL(skin_len, sizes[i] + FOG_NTOR_CLIENT_OVERHEAD);
		CU_ASSERT_EQUAL_FATAL(serve(reply, sizes[3 - i], server_keys), 0);
		CU_ASSERT_EQUAL(message_len, sizes[i]);
		CU_ASSERT(sizes[i] == 0 || message[sizes[i] - 1] == 5);
		CU_ASSERT_EQUAL_FATAL(finish(&client, client_keys), 0);
		CU_ASSERT_EQUAL(message_len, sizes[3 - i]);
		CU_ASSERT(memcmp(message, reply, message_len) == 0);
		CU_ASSERT(memcmp(client_keys, server_keys, KEYS) == 0);
		CU_ASSERT_FALSE(fog_is_zero(client_keys, KEYS));
		fog_ntor_client_wipe(&client);
		CU_ASSERT(fog_is_zero(&client, sizeof(client)));
	}
}

static void test_bad_client(void)
{
	struct fog_ntor_client client;
	u8 zero[32] = {0}, keys[KEYS + 1024];

	CU_ASSERT_EQUAL(start(&client, FOG_NTOR_MESSAGE_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(skin_len, 0);
	CU_ASSERT(fog_is_zero(&client, sizeof(client)));
	CU_ASSERT_EQUAL(fog_ntor_client_start(&client, relay_id, relay_pk, NULL, 1, NULL, 0, x,
					      skin, sizeof(skin), &skin_len),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_ntor_client_start(&client, relay_id, relay_pk, verification,
					      FOG_NTOR_VERIFICATION_MAX + 1, NULL, 0, x, skin,
					      sizeof(skin), &skin_len),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_ntor_client_start(&client, relay_id, relay_pk, NULL, 0, NULL, 1, x,
					      skin, sizeof(skin), &skin_len),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_ntor_client_start(&client, relay_id, relay_pk, NULL, 0, zero, 1, x,
					      skin, FOG_NTOR_CLIENT_OVERHEAD, &skin_len),
			-ENOSPC);
	CU_ASSERT_EQUAL(fog_ntor_client_start(&client, relay_id, zero, NULL, 0, NULL, 0, x, skin,
					      sizeof(skin), &skin_len),
			-EBADMSG);
	CU_ASSERT(fog_is_zero(&client, sizeof(client)));

	CU_ASSERT_EQUAL_FATAL(start(&client, 10), 0);
	CU_ASSERT_EQUAL_FATAL(serve((const u8 *)"reply", 5, keys), 0);
	CU_ASSERT_EQUAL(fog_ntor_client_finish(&client, created, created_len, message, 4,
					       &message_len, keys, KEYS),
			-ENOSPC);
	CU_ASSERT_EQUAL(fog_ntor_client_finish(&client, created, created_len, message, 5,
					       &message_len, keys, FOG_NTOR_KEYS_MAX + 1),
			-EINVAL);
	for (size_t len = 0; len < FOG_NTOR_SERVER_OVERHEAD; len++)
		CU_ASSERT_EQUAL(fog_ntor_client_finish(&client, created, len, message, 5,
						       &message_len, keys, KEYS),
				-EMSGSIZE);
	CU_ASSERT_EQUAL(finish(&client, keys), 0);
}

static int serve_with(const u8 *id, const u8 *pk, const u8 *ver, size_t ver_len, size_t len)
{
	u8 keys[KEYS];

	return fog_ntor_server(id, relay_sk, pk, ver, ver_len, skin, len, NULL, 0, message,
			       sizeof(message), &message_len, y, created, sizeof(created),
			       &created_len, keys, KEYS);
}

static void test_bad_server(void)
{
	struct fog_ntor_client client;
	struct fog_ntor_server server;
	u8 keys[KEYS], other[32] = {1}, shared_static[32], shared_ephemeral[32], server_pk[32];

	CU_ASSERT_EQUAL_FATAL(start(&client, 10), 0);
	CU_ASSERT_PTR_NULL(fog_ntor_skin_key(skin, FOG_NTOR_CLIENT_OVERHEAD - 1));
	const u8 *client_pk = fog_ntor_skin_key(skin, skin_len);
	CU_ASSERT_EQUAL(fog_x25519(shared_static, relay_sk, client_pk), 0);
	CU_ASSERT_EQUAL(fog_x25519(shared_ephemeral, y, client_pk), 0);
	fog_x25519_base(server_pk, y);
	CU_ASSERT_EQUAL(serve_with(other, relay_pk, verification, sizeof(verification), skin_len),
			-ENOENT);
	CU_ASSERT_EQUAL(serve_with(relay_id, other, verification, sizeof(verification), skin_len),
			-ENOENT);
	CU_ASSERT_EQUAL(
		serve_with(relay_id, relay_pk, verification, sizeof(verification) - 1, skin_len),
		-EBADMSG);
	CU_ASSERT_EQUAL(serve_with(relay_id, relay_pk, NULL, 3, skin_len), -EINVAL);
	for (size_t len = 0; len < FOG_NTOR_CLIENT_OVERHEAD; len++)
		CU_ASSERT_EQUAL(
			serve_with(relay_id, relay_pk, verification, sizeof(verification), len),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(serve_with(relay_id, relay_pk, verification, sizeof(verification),
				   FOG_NTOR_CLIENT_OVERHEAD + FOG_NTOR_MESSAGE_MAX + 1),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(fog_ntor_server_read(&server, relay_id, shared_static, relay_pk,
					     verification, sizeof(verification), skin, skin_len,
					     message, 9, &message_len),
			-ENOSPC);
	CU_ASSERT_EQUAL_FATAL(fog_ntor_server_read(&server, relay_id, shared_static, relay_pk,
						   verification, sizeof(verification), skin,
						   skin_len, message, 10, &message_len),
			      0);
	CU_ASSERT_EQUAL(fog_ntor_server_write(&server, verification, 3, server_pk, shared_ephemeral,
					      created, FOG_NTOR_SERVER_OVERHEAD + 2, &created_len,
					      keys, KEYS),
			-ENOSPC);
	CU_ASSERT(fog_is_zero(&server, sizeof(server)));
	/* Keys of low order. */
	CU_ASSERT_EQUAL(fog_ntor_server_read(&server, relay_id, NULL, relay_pk, verification,
					     sizeof(verification), skin, skin_len, message, 10,
					     &message_len),
			-EBADMSG);
	CU_ASSERT_EQUAL(fog_ntor_server_write(&server, NULL, 0, server_pk, NULL, created,
					      sizeof(created), &created_len, keys, KEYS),
			-EBADMSG);
	memset(skin + 64, 0, 32);
	CU_ASSERT_EQUAL(serve(NULL, 0, keys), -EBADMSG);
}

/* Every bit of either message is bound. */
static void test_tamper(void)
{
	struct fog_ntor_client client;
	u8 keys[KEYS];

	CU_ASSERT_EQUAL_FATAL(start(&client, 8), 0);
	for (unsigned bit = 0; bit < skin_len * 8; bit += 5) {
		skin[bit / 8] ^= 1 << bit % 8;
		int rc = serve(NULL, 0, keys);
		CU_ASSERT_EQUAL(rc, bit / 8 < 64 ? -ENOENT : -EBADMSG);
		CU_ASSERT_EQUAL(created_len, 0);
		skin[bit / 8] ^= 1 << bit % 8;
	}
	CU_ASSERT_EQUAL_FATAL(serve((const u8 *)"reply", 5, keys), 0);
	for (unsigned bit = 0; bit < created_len * 8; bit += 5) {
		memset(message, 0xaa, 5);
		created[bit / 8] ^= 1 << bit % 8;
		CU_ASSERT_EQUAL(finish(&client, keys), -EBADMSG);
		CU_ASSERT_EQUAL(message[0], 0xaa);
		created[bit / 8] ^= 1 << bit % 8;
	}
	memset(created, 0, 32);
	CU_ASSERT_EQUAL(finish(&client, keys), -EBADMSG);
}

static void vector_body(void)
{
	json_t *v = vectors_load("tor/ntor_v3.json");
	u8 b[32], big_b[32], id[32], vx[32], vy[32], cm[64], sm[64], ver[64], expect[512];
	u8 client_keys[256], server_keys[256];
	struct fog_ntor_client client;

	vectors_member(v, "relay_secret_b", b, 32);
	vectors_member(v, "relay_public_B", big_b, 32);
	vectors_member(v, "relay_ed25519_id", id, 32);
	vectors_member(v, "client_secret_x", vx, 32);
	vectors_member(v, "relay_secret_y", vy, 32);
	size_t cm_len = vectors_member(v, "client_message", cm, sizeof(cm));
	size_t sm_len = vectors_member(v, "server_message", sm, sizeof(sm));
	size_t ver_len = vectors_member(v, "verification", ver, sizeof(ver));

	CU_ASSERT_EQUAL_FATAL(fog_ntor_client_start(&client, id, big_b, ver, ver_len, cm, cm_len,
						    vx, skin, sizeof(skin), &skin_len),
			      0);
	CU_ASSERT_EQUAL(vectors_member(v, "client_handshake", expect, sizeof(expect)), skin_len);
	CU_ASSERT(memcmp(skin, expect, skin_len) == 0);
	CU_ASSERT_EQUAL_FATAL(fog_ntor_server(id, b, big_b, ver, ver_len, skin, skin_len, sm,
					      sm_len, message, sizeof(message), &message_len, vy,
					      created, sizeof(created), &created_len, server_keys,
					      256),
			      0);
	CU_ASSERT_EQUAL(message_len, cm_len);
	CU_ASSERT(memcmp(message, cm, cm_len) == 0);
	CU_ASSERT_EQUAL(vectors_member(v, "server_handshake", expect, sizeof(expect)), created_len);
	CU_ASSERT(memcmp(created, expect, created_len) == 0);
	CU_ASSERT_EQUAL_FATAL(fog_ntor_client_finish(&client, created, created_len, message,
						     sizeof(message), &message_len, client_keys,
						     256),
			      0);
	CU_ASSERT_EQUAL(message_len, sm_len);
	CU_ASSERT(memcmp(message, sm, sm_len) == 0);
	CU_ASSERT_EQUAL(vectors_member(v, "keys_256", expect, sizeof(expect)), 256);
	CU_ASSERT(memcmp(client_keys, expect, 256) == 0);
	CU_ASSERT(memcmp(server_keys, expect, 256) == 0);
	json_decref(v);
}

static void test_vector(void)
{
	each_path(vector_body);
}

FOG_TEST_MAIN("crypto/ntor/ntor", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_client),
	      FOG_TEST(test_bad_server), FOG_TEST(test_tamper), FOG_TEST(test_vector))
