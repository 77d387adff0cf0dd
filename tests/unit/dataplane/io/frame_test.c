/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/frame.h"

#include "tests/unit/fog_test.h"

static const u8 mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};

static struct fog_frame_self self_of(bool v6, u8 host, const u8 mac[6])
{
	struct fog_frame_self s = {.address.port = 7000};

	memcpy(s.mac, mac, 6);
	if (v6) {
		s.address.ip[0] = 0xfd;
	} else {
		s.address.ip[10] = s.address.ip[11] = 0xff;
		s.address.ip[12] = 10;
	}
	s.address.ip[15] = host;
	return s;
}

/* What one end writes the other end reads, both families; checksums are right. */
static void test_life_cycle(void)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct fog_frame_self a = self_of(v6, 1, mac_a), b = self_of(v6, 2, mac_b);
		u8 frame[2048] = {0}, mac[6];
		struct fog_frame f;
		u32 size = fog_frame_header(&a, mac_b, &b.address, frame);
		CU_ASSERT_EQUAL(size, v6 ? FOG_FRAME_HEADER6 : FOG_FRAME_HEADER4);
		for (u32 i = 0; i < FOG_DGRAM_SIZE; i++)
			frame[size + i] = (u8)(i * 7);
		if (v6)
			fog_frame_udp6_checksum(frame);
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size + FOG_DGRAM_SIZE, &f, mac),
				FOG_FRAME_DGRAM);
		CU_ASSERT_EQUAL(f.length, FOG_DGRAM_SIZE);
		CU_ASSERT_PTR_EQUAL(f.data, frame + size);
		CU_ASSERT_TRUE(fog_address_equal(&f.peer, &a.address));
		/* To another host, another port, cut short. */
		CU_ASSERT_EQUAL(fog_frame_parse(&a, frame, size + FOG_DGRAM_SIZE, &f, mac),
				FOG_FRAME_OTHER);
		b.address.port++;
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size + FOG_DGRAM_SIZE, &f, mac),
				FOG_FRAME_OTHER);
		b.address.port--;
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size + FOG_DGRAM_SIZE - 1, &f, mac),
				FOG_FRAME_OTHER);
	}
}

static void test_bad_arguments(void)
{
	struct fog_frame_self a = self_of(false, 1, mac_a), b = self_of(false, 2, mac_b);
	u8 frame[2048] = {0}, mac[6];
	struct fog_frame f;
	u32 size = fog_frame_header(&a, mac_b, &b.address, frame) + FOG_DGRAM_SIZE;

	for (u32 i = 14; i < 34; i++) { /* every byte of the IPv4 header is under its checksum */
		frame[i] ^= 0x10;
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size, &f, mac), FOG_FRAME_OTHER);
		frame[i] ^= 0x10;
	}
	CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size, &f, mac), FOG_FRAME_DGRAM);
	for (u32 length = 0; length < 60; length++)
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, length, &f, mac), FOG_FRAME_OTHER);
}

static void test_neighbours(void)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct fog_frame_self a = self_of(v6, 1, mac_a), b = self_of(v6, 2, mac_b);
		struct fog_frame_self c = self_of(v6, 3, mac_b);
		u8 frame[FOG_ND_SIZE], answer[FOG_ND_SIZE], mac[6];
		struct fog_frame f;
		u32 size = fog_frame_ask(&a, b.address.ip, frame);
		CU_ASSERT_EQUAL(fog_frame_parse(&c, frame, size, &f, mac), FOG_FRAME_OTHER);
		CU_ASSERT_EQUAL(fog_frame_parse(&b, frame, size, &f, mac), FOG_FRAME_ASKS);
		CU_ASSERT_EQUAL(memcmp(mac, mac_a, 6), 0);
		CU_ASSERT_EQUAL(memcmp(f.peer.ip, a.address.ip, 16), 0);
		size = fog_frame_answer(&b, f.peer.ip, mac, answer);
		CU_ASSERT_EQUAL(memcmp(answer, mac_a, 6), 0);
		CU_ASSERT_EQUAL(fog_frame_parse(&a, answer, size, &f, mac), FOG_FRAME_ANSWERS);
		CU_ASSERT_EQUAL(memcmp(mac, mac_b, 6), 0);
		CU_ASSERT_EQUAL(memcmp(f.peer.ip, b.address.ip, 16), 0);
	}
}

/* Noise with a plausible start: never past the end (ASan), never a datagram of a wrong size. */
static void test_random(void)
{
	struct fog_frame_self b = self_of(false, 2, mac_b);
	u32 x = 12345;

	for (u32 round = 0; round < 20000; round++) {
		u32 length = 14 + round % 120;
		u8 *frame = malloc(length), mac[6];
		struct fog_frame f = {0};
		for (u32 i = 0; i < length; i++) {
			x = x * 1664525 + 1013904223;
			frame[i] = (u8)(x >> 24);
		}
		frame[12] = round % 3 == 0 ? 0x86 : 0x08;
		frame[13] = round % 3 == 0 ? 0xdd : round % 3 == 1 ? 0x00 : 0x06;
		if (fog_frame_parse(&b, frame, length, &f, mac) == FOG_FRAME_DGRAM)
			CU_ASSERT_TRUE(f.data + f.length <= frame + length);
		free(frame);
	}
}

FOG_TEST_MAIN("dataplane/io/frame", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_neighbours), FOG_TEST(test_random))
